import { expect, test } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import type { ApduRecord } from '../../../src/testing/virtual/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test('every APDU is logged with its number, response and duration', async () => {
  const records: ApduRecord[] = [];
  await using reader = await FakeReader.listen();
  await using card = await reader.insert([new TestApplet()], { onApdu: (record) => records.push(record) });
  await reader.transmit(SELECT_TEST);
  await reader.transmit('0010000001AA00');
  await card.remove();
  expect(records.map(({ sequence }) => sequence)).toEqual([1, 2]);
  expect(records.map(({ response }) => response && toHex(response))).toEqual(['9000', 'AA9000']);
  expect(records.every(({ durationMs }) => durationMs >= 0 && durationMs < 1000)).toBe(true);
  expect(card.apduCount).toBe(2);
});

test('a PIN never appears in the log', async () => {
  const records: ApduRecord[] = [];
  await using reader = await FakeReader.listen();
  await using card = await reader.insert([new TestApplet()], { onApdu: (record) => records.push(record) });
  await reader.transmit(SELECT_TEST);
  await reader.transmit('00200080 08 313233343536FFFF');
  await card.remove();
  expect(records[1]).toMatchObject({ masked: true });
  expect(toHex(records[1]?.command ?? new Uint8Array(0))).toBe('00200080080000000000000000');
});
