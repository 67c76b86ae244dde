import { expect, test } from 'vitest';
import { FakeReader } from './fake-reader.js';
import { SELECT_TEST, TestApplet } from './test-applet.js';

test.each([
  ['an APDU cut short', '00A4040006F050', '6700'],
  ['fewer than four bytes', '00A404', '6700'],
  ['an unknown instruction', '00EE0000', '6D00'],
  ['a reserved class', '20100000', '6E00'],
  ['another logical channel', '01100000', '6881'],
  ['secure messaging', '0C100000', '6882'],
  ['GET RESPONSE when nothing waits', '00C0000000', '6985'],
  ['GET RESPONSE with parameters', '00C0010000', '6A86'],
  ['GET RESPONSE without Le', '00C00000', '6700'],
  ['a status word the applet throws', '001A6A88', '6A88'],
  ['an exception in the applet', '00180000', '6F00'],
])('%s is rejected, and the card continues to work', async (_what, apdu, sw) => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([new TestApplet()]);
  await reader.transmit(SELECT_TEST);
  expect(await reader.transmit(apdu)).toBe(sw);
  expect(await reader.transmit('0010000001AA00')).toBe('AA9000');
});

test('without a selected applet only SELECT is supported', async () => {
  await using reader = await FakeReader.listen();
  await using _card = await reader.insert([new TestApplet()]);
  expect(await reader.transmit('0010000001AA00')).toBe('6D00');
});
