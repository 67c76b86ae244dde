import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { FakeReader, frame } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test('messages that arrive byte by byte are joined', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([new TestApplet()]);
  for (const byte of frame(fromHex(SELECT_TEST))) {
    reader.write(Uint8Array.of(byte));
    await setImmediate();
  }
  expect(toHex(await reader.receive())).toBe('9000');
});

test('messages that arrive in one piece are answered one by one, in order', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([new TestApplet()]);
  const messages = [SELECT_TEST, '0010000001AA00', '0010000001BB00'].map((apdu) => frame(fromHex(apdu)));
  reader.write(Buffer.concat(messages));
  expect(toHex(await reader.receive())).toBe('9000');
  expect(toHex(await reader.receive())).toBe('AA9000');
  expect(toHex(await reader.receive())).toBe('BB9000');
});

test('a message longer than one read of the socket is joined', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
  const data = 'C7'.repeat(40_000);
  expect(await reader.transmit(`00100000 009C40 ${data} 0000`)).toBe(`${data}9000`);
});

test('an empty message is answered like any malformed APDU', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([]);
  expect(await reader.transmit('')).toBe('6700');
});
