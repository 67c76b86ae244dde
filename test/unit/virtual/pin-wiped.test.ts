import { expect, test } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test.each([
  ['whole', ['00200080 08 313233343536FFFF']],
  ['in a chain', ['10200080 04 31323334', '00200080 04 3536FFFF']],
])('a PIN that arrived %s is wiped once it is verified', async (_how, apdus) => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  for (const apdu of apdus) expect(await reader.transmit(apdu)).toBe('9000');
  // The response to the next command shows that the one before has been processed.
  await reader.transmit('0016000001');
  expect(toHex(applet.kept ?? new Uint8Array(1))).toBe('0000000000000000');
});

test('other data is not wiped', async () => {
  const applet = new TestApplet();
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([applet]);
  await reader.transmit(SELECT_TEST);
  await reader.transmit('001E000002CAFE');
  await reader.transmit('0016000001');
  expect(toHex(applet.kept ?? new Uint8Array(0))).toBe('CAFE');
});
