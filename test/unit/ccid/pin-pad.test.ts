import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import {
  controlCode,
  encodePinModify,
  encodePinVerify,
  modifyPinOnPad,
  type PinChange,
  type PinEntry,
  verifyPinOnPad,
} from '../../../src/ccid/index.js';
import { FakeReader } from './fake-reader.js';

const ask = controlCode(3400);
const [verify, modify] = [0x42330006, 0x42330007];
const features = fromHex('06 04 42330006  07 04 42330007');

const entry: PinEntry = {
  apdu: fromHex(`00 20 00 80 08 ${'FF'.repeat(8)}`),
  block: { encoding: 'ascii', bytes: 8 },
  minDigits: 6,
  maxDigits: 8,
};
const change: PinChange = {
  ...entry,
  apdu: fromHex(`00 24 00 80 10 ${'FF'.repeat(16)}`),
  currentPinAt: 0,
  newPinAt: 8,
};

test("verification sends the structure to the reader, and returns the card's response", async () => {
  const reader = new FakeReader({ [ask]: features, [verify]: fromHex('9000') });
  expect((await verifyPinOnPad(reader, entry)).ok).toBe(true);
  expect(reader.asked.map(({ code, input }) => ({ code, input }))).toEqual([
    { code: ask, input: new Uint8Array() },
    { code: verify, input: encodePinVerify(entry) },
  ]);
});

test('a PIN change does the same', async () => {
  const reader = new FakeReader({ [ask]: features, [modify]: fromHex('9000') });
  expect((await modifyPinOnPad(reader, change)).ok).toBe(true);
  expect(reader.asked[1]?.input).toEqual(encodePinModify(change));
});

test('a wrong PIN is a response of the card, with the tries left', async () => {
  const reader = new FakeReader({ [ask]: features, [verify]: fromHex('63C2') });
  const response = await verifyPinOnPad(reader, entry);
  expect(response.ok).toBe(false);
  expect(response.retriesLeft).toBe(2);
});

test.each([
  ['6400', 'CCID_TIMEOUT'],
  ['6401', 'CCID_CANCELLED'],
  ['6402', 'CCID_PINS_DIFFER'],
  ['6403', 'CCID_PIN_LENGTH'],
  ['6B80', 'CCID_PARAMETER'],
])('%s is a result of the reader itself: %s', async (sw, code) => {
  const reader = new FakeReader({ [ask]: features, [modify]: fromHex(sw) });
  await expect(modifyPinOnPad(reader, change)).rejects.toMatchObject({
    name: 'CcidError',
    code,
    statusWord: Number.parseInt(sw, 16),
    message: expect.stringMatching(/^[A-Z].*\.$/),
  });
});

test('a reader without a PIN pad is an error that says so', async () => {
  const reader = new FakeReader({ [ask]: fromHex('12 04 42330012') });
  await expect(verifyPinOnPad(reader, entry)).rejects.toMatchObject({ code: 'CCID_NO_FEATURE' });
  await expect(modifyPinOnPad(reader, change)).rejects.toMatchObject({ code: 'CCID_NO_FEATURE' });
});

test('an invalid request never reaches the reader', async () => {
  const reader = new FakeReader({ [ask]: features, [verify]: fromHex('9000') });
  await expect(verifyPinOnPad(reader, { ...entry, maxDigits: 99 })).rejects.toThrow(RangeError);
  expect(reader.asked).toEqual([]);
});

test('known features are not requested again, and the signal is passed on', async () => {
  const reader = new FakeReader({ [verify]: fromHex('9000') });
  const { signal } = new AbortController();
  await verifyPinOnPad(reader, { ...entry, features: { verifyPinDirect: verify }, timeout: 500, signal });
  expect(reader.asked).toHaveLength(1);
  expect(reader.asked[0]?.options).toEqual({ timeout: 500, signal });
});

test('the template stays unchanged, and the bytes sent to the reader are wiped', async () => {
  let sent = new Uint8Array();
  const reader = new FakeReader({
    [verify]: (input) => {
      sent = input as typeof sent;
      return fromHex('9000');
    },
  });
  const { apdu } = entry;
  const before = apdu.slice();
  await verifyPinOnPad(reader, { ...entry, features: { verifyPinDirect: verify } });
  expect(apdu).toEqual(before);
  expect(sent.length).toBe(19 + apdu.length);
  expect(sent.every((byte) => byte === 0)).toBe(true);
});
