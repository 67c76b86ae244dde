import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { controlCode, decodeFeatures, Features, readFeatures } from '../../../src/ccid/index.js';
import { FakeReader, refusal } from './fake-reader.js';
import { systemHeader } from './system-header.js';

const ask = controlCode(3400);

test('a reader lists its features and their control codes, most significant byte first', async () => {
  const reader = new FakeReader({ [ask]: fromHex('06 04 42330006  07 04 42330007  12 04 42330012') });
  expect(await readFeatures(reader)).toEqual({
    verifyPinDirect: 0x42330006,
    modifyPinDirect: 0x42330007,
    getTlvProperties: 0x42330012,
  });
  expect(reader.asked).toEqual([{ code: ask, input: new Uint8Array(), options: undefined }]);
});

test('a control code may have its highest bit set', async () => {
  const reader = new FakeReader({ [ask]: fromHex('13 04 80000001') });
  expect(await readFeatures(reader)).toEqual({ ccidEscCommand: 0x80000001 });
});

test('unknown features are skipped, and can be looked up by tag', async () => {
  const answer = fromHex('80 04 00310004  20 04 42330020');
  expect(await readFeatures(new FakeReader({ [ask]: answer }))).toEqual({ executePace: 0x42330020 });
  expect(decodeFeatures(answer)[0]).toEqual({ tag: 0x80, name: undefined, code: 0x310004 });
});

test.each(['SCARD_E_UNSUPPORTED_FEATURE', 'ERROR_INVALID_FUNCTION', 'ERROR_NOT_SUPPORTED'] as const)(
  'a driver that returns %s has no features',
  async (code) => {
    expect(await readFeatures(new FakeReader({ [ask]: refusal(code) }))).toEqual({});
  },
);

test('any other failure rejects', async () => {
  const reader = new FakeReader({ [ask]: refusal('SCARD_W_REMOVED_CARD') });
  await expect(readFeatures(reader)).rejects.toMatchObject({ code: 'SCARD_W_REMOVED_CARD' });
});

test.each([
  ['cut short', '06 04 423300', 'cut short at offset 0'],
  ['without a length', '06 04 42330006 07', 'cut short at offset 6'],
  ['with a control code of another size', '06 02 4233', 'feature 6 a control code of 2 bytes'],
])('a list %s is rejected', async (_, hex, message) => {
  const reading = readFeatures(new FakeReader({ [ask]: fromHex(hex) }));
  await expect(reading).rejects.toMatchObject({
    name: 'CcidError',
    code: 'CCID_MALFORMED',
    message: expect.stringContaining(message),
  });
});

test('the wait can be aborted', async () => {
  const reader = new FakeReader({ [ask]: new Uint8Array() });
  const options = { timeout: 100 };
  await readFeatures(reader, options);
  expect(reader.asked[0]?.options).toBe(options);
});

test.skipIf(!systemHeader)("the tags are those of the system's reader.h", () => {
  const theirs = [...(systemHeader ?? '').matchAll(/#define FEATURE_(\w+)\s+(0x[0-9A-F]+)/g)];
  expect(theirs.length).toBeGreaterThan(15);
  const ours = new Map(Object.entries(Features).map(([name, tag]) => [name.toLowerCase(), tag]));
  for (const [, name = '', tag] of theirs) {
    expect([name, ours.get(name.replaceAll('_', '').toLowerCase())]).toEqual([name, Number(tag)]);
  }
});
