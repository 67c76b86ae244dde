import { expect, test } from 'vitest';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test.each([
  ['a reset', (reader: FakeReader) => reader.reset()],
  ['power off', (reader: FakeReader) => reader.powerOff()],
  ['power on', (reader: FakeReader) => reader.powerOn()],
])('%s clears the selection and the state of the applets', async (_event, cause) => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  await reader.transmit('00140007');
  expect(await reader.transmit('0016000001')).toBe('079000');
  cause(reader);
  expect(await reader.transmit('0016000001')).toBe('6D00');
  await reader.transmit(SELECT_TEST);
  expect(await reader.transmit('0016000001')).toBe('009000');
});
