import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

const ECHO = '0010000001AA00';

async function selected(reader: FakeReader) {
  const card = await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
  return card;
}

test('a delay holds responses back, and clearing it releases the one that waits', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.responseDelay = 60;
  const start = performance.now();
  expect(await reader.transmit(ECHO)).toBe('AA9000');
  expect(performance.now() - start).toBeGreaterThanOrEqual(55);

  card.faults.responseDelay = 60_000;
  const answer = reader.transmit(ECHO);
  while (card.apduCount < 3) await setTimeout(1);
  card.faults.clear();
  expect(await answer).toBe('AA9000');
});

test('a mute card responds to no APDU but stays in the reader', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.mute = true;
  reader.send(fromHex(ECHO));
  while (card.apduCount < 2) await setTimeout(1);
  expect(await reader.atr()).not.toBe('AA9000');
  card.faults.mute = false;
  expect(await reader.transmit('0010000001BB00')).toBe('BB9000');
});

test('a card can be removed at once', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.remove();
  expect(await card.closed).toEqual({ reason: 'removed' });
});

test('a card can be removed on the n-th APDU, which stays unanswered', async () => {
  const sequences: (number | undefined)[] = [];
  await using reader = await FakeReader.listen();
  const card = await reader.insert([new TestApplet()], {
    onApdu: ({ sequence, response }) => sequences.push(response && sequence),
  });
  card.faults.removeOnApdu(2);
  expect(await reader.transmit(SELECT_TEST)).toBe('9000');
  reader.send(fromHex(ECHO));
  expect(await card.closed).toEqual({ reason: 'removed' });
  expect(sequences).toEqual([1, undefined]);
});

test('a card can lose its state, now or before the n-th APDU', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.reset();
  expect(await reader.transmit(ECHO)).toBe('6D00');
  await reader.transmit(SELECT_TEST);
  card.faults.resetOnApdu(2);
  expect(await reader.transmit(ECHO)).toBe('AA9000');
  expect(await reader.transmit(ECHO)).toBe('6D00');
});

test('a status word can be forced on the next command', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.forceStatus(0x6581);
  expect(await reader.transmit(ECHO)).toBe('6581');
  expect(await reader.transmit(ECHO)).toBe('AA9000');
});

test('a status word can be forced on every command of an instruction until cleared', async () => {
  await using reader = await FakeReader.listen();
  const card = await selected(reader);
  card.faults.forceStatus(0x6982, { ins: 0x10, times: Number.POSITIVE_INFINITY });
  expect(await reader.transmit('0016000001')).toBe('009000');
  expect(await reader.transmit(ECHO)).toBe('6982');
  expect(await reader.transmit(ECHO)).toBe('6982');
  card.faults.clear();
  expect(await reader.transmit(ECHO)).toBe('AA9000');
});

test.each([0, -1, 1.5])('APDU number %d is rejected', async (n) => {
  await using reader = await FakeReader.listen();
  const card = await reader.insert([]);
  expect(() => card.faults.removeOnApdu(n)).toThrow(RangeError);
});
