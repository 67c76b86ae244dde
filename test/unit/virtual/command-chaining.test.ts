import { expect, test } from 'vitest';
import { CommandApdu, toHex } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

async function selected(reader: FakeReader) {
  const card = await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
  return card;
}

test('the blocks of a chain become one command', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  expect(await reader.transmit('1010000002AABB')).toBe('9000');
  expect(await reader.transmit('1010000001CC')).toBe('9000');
  expect(await reader.transmit('0010000001DD00')).toBe('AABBCCDD9000');
});

test('a command that does not continue the chain ends it and is processed', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  await reader.transmit('1010000002AABB');
  expect(await reader.transmit('0012000100')).toBe('009000');
  expect(await reader.transmit('0010000001DD00')).toBe('DD9000');
});

test('a reset discards a chain', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  await reader.transmit('1010000002AABB');
  reader.reset();
  await reader.transmit(SELECT_TEST);
  expect(await reader.transmit('0010000001DD00')).toBe('DD9000');
});

test('a thousand bytes are transferred in both directions in short APDUs', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  const data = Uint8Array.from({ length: 1000 }, (_, i) => i & 0xff);
  const command = new CommandApdu({ cla: 0, ins: 0x10, p1: 0, p2: 0, data, ne: 256 });
  const response = await reader.exchange(toHex(command.with({ extended: true }).encode()));
  expect(response.data).toEqual(data);
});
