import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test('an APDU waits until the one before it is answered', async () => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  reader.send(fromHex('001C1E0000'));
  reader.send(fromHex('001C010000'));
  expect(toHex(await reader.receive())).toBe('1E9000');
  expect(toHex(await reader.receive())).toBe('019000');
  expect(applet.overlapped).toBe(false);
});
