import { expect, test } from 'vitest';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

async function selected(reader: FakeReader) {
  await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
}

test('a response beyond Le waits for GET RESPONSE, and up to 255 bytes are announced', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  expect((await reader.transmit('0012030000')).slice(-4)).toBe('6100');
  expect((await reader.transmit('00C0000000')).slice(-4)).toBe('6100');
  const last = await reader.transmit('00C0000000');
  expect(last).toHaveLength(2 * 258);
  expect(last.slice(-4)).toBe('9000');
});

test('a response without an Le waits as a whole', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  expect(await reader.transmit('0010000003AABBCC')).toBe('6103');
  expect(await reader.transmit('00C0000002')).toBe('AABB6101');
  expect(await reader.transmit('00C0000000')).toBe('CC9000');
});

test('another command discards the waiting response', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  await reader.transmit('0010000003AABBCC');
  await reader.transmit('00140001');
  expect(await reader.transmit('00C0000000')).toBe('6985');
});

test('a host with extended length receives a long response at once', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  const response = await reader.transmit('00121000000000');
  expect(response).toHaveLength(2 * (0x1000 + 2));
  expect(response.slice(-4)).toBe('9000');
});
