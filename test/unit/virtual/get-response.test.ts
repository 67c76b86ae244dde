import { expect, test } from 'vitest';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

async function selected(reader: FakeReader) {
  await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
}

test('what does not fit Le waits for GET RESPONSE, its length announced up to 255', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  expect((await reader.transmit('0012030000')).slice(-4)).toBe('6100');
  expect((await reader.transmit('00C0000000')).slice(-4)).toBe('6100');
  const last = await reader.transmit('00C0000000');
  expect(last).toHaveLength(2 * 258);
  expect(last.slice(-4)).toBe('9000');
});

test('a response nobody gave an Le for waits as a whole', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  expect(await reader.transmit('0010000003AABBCC')).toBe('6103');
  expect(await reader.transmit('00C0000002')).toBe('AABB6101');
  expect(await reader.transmit('00C0000000')).toBe('CC9000');
});

test('another command gives up what waited', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  await reader.transmit('0010000003AABBCC');
  await reader.transmit('00140001');
  expect(await reader.transmit('00C0000000')).toBe('6985');
});

test('a host with extended length gets a long response at once', async () => {
  await using reader = await FakeReader.listen();
  await selected(reader);
  const response = await reader.transmit('00121000000000');
  expect(response).toHaveLength(2 * (0x1000 + 2));
  expect(response.slice(-4)).toBe('9000');
});
