import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { encodePinModify, encodePinVerify, type PinChange, type PinEntry } from '../../../src/ccid/index.js';

/** PIV: 6 to 8 digits as characters, padded with FF (SP 800-73-4 part 2, 3.2.1). */
const piv: PinEntry = {
  apdu: fromHex('00 20 00 80 08 FF FF FF FF FF FF FF FF'),
  block: { encoding: 'ascii', bytes: 8 },
  minDigits: 6,
  maxDigits: 8,
};

/** As in GSM and many national cards: the number of digits in half a byte, then BCD digits. */
const nationalId: PinEntry = {
  apdu: fromHex('00 20 00 01 08 2F FF FF FF FF FF FF FF'),
  block: { encoding: 'bcd', bytes: 7, offset: 1, length: { bits: 4, offset: 4 } },
  minDigits: 4,
  maxDigits: 12,
};

const pivChange: PinChange = {
  apdu: fromHex(`00 24 00 80 10 ${'FF'.repeat(16)}`),
  block: { encoding: 'ascii', bytes: 8 },
  minDigits: 6,
  maxDigits: 8,
  currentPinAt: 0,
  newPinAt: 8,
};

const hex = (bytes: Uint8Array) => toHex(bytes, ' ');

test('a PIV PIN is encoded with the reader’s own defaults', () => {
  expect(hex(encodePinVerify(piv))).toBe(
    '00 00 82 08 00 08 06 02 01 09 04 00 00 00 00 0D 00 00 00 00 20 00 80 08 FF FF FF FF FF FF FF FF',
  );
});

test('a PIN in BCD is encoded with its length before it', () => {
  expect(hex(encodePinVerify(nationalId))).toBe(
    '00 00 89 47 04 0C 04 02 01 09 04 00 00 00 00 0D 00 00 00 00 20 00 01 08 2F FF FF FF FF FF FF FF',
  );
});

test('every option is encoded in its field', () => {
  const entry: PinEntry = {
    apdu: fromHex('00 20 00 01 02 FF FF'),
    block: {
      encoding: 'binary',
      bytes: 1,
      justify: 'right',
      offset: 4,
      offsetUnit: 'bits',
      length: { bits: 8, offset: 1, unit: 'bytes' },
    },
    minDigits: 1,
    maxDigits: 1,
    timeoutSeconds: 30,
    keyTimeoutSeconds: 15,
    completeOn: ['max-size', 'timeout'],
    messages: [2],
    language: 0x040c,
    t1Prologue: [1, 2, 3],
  };
  expect(hex(encodePinVerify(entry))).toBe(
    '1E 0F 24 81 11 01 01 05 01 0C 04 02 01 02 03 07 00 00 00 00 20 00 01 02 FF FF',
  );
});

test('a block without a size grows with the PIN', () => {
  const entry: PinEntry = {
    apdu: fromHex('00 20 00 01 00'),
    block: { encoding: 'ascii', bytes: 0 },
    minDigits: 4,
    maxDigits: 255,
  };
  expect(hex(encodePinVerify(entry).subarray(2, 7))).toBe('82 00 00 FF 04');
});

test.each([
  ['default' as const, 'FF', '00'],
  [[], '00', '00'],
  [[1], '01', '01'],
])('messages are encoded: %j', (messages, count, index) => {
  const structure = hex(encodePinVerify({ ...piv, messages })).split(' ');
  expect([structure[8], structure[11]]).toEqual([count, index]);
});

test('a PIN change is encoded with the current PIN, the new one, and its confirmation', () => {
  expect(hex(encodePinModify(pivChange))).toBe(
    `00 00 82 08 00 00 08 08 06 03 02 03 09 04 00 01 02 00 00 00 15 00 00 00 00 24 00 80 10${' FF'.repeat(16)}`,
  );
});

test.each([
  [{ confirm: false }, '02', '02 09 04 00 01 00'],
  [{ currentPinAt: undefined }, '01', '02 09 04 01 02 00'],
  [{ currentPinAt: undefined, confirm: false }, '00', '01 09 04 01 00 00'],
  [{ messages: 'default' as const }, '03', 'FF 09 04 00 00 00'],
])('a PIN change without these prompts needs no message for them: %j', (change, flags, messages) => {
  const structure = encodePinModify({ ...pivChange, ...change });
  expect(hex(structure.subarray(9, 10))).toBe(flags);
  expect(hex(structure.subarray(11, 17))).toBe(messages);
});

test.each<[string, Partial<PinEntry>, RegExp]>([
  ['no APDU', { apdu: fromHex('00 20') }, /header of 4 bytes/],
  ['a block outside the command', { block: { encoding: 'ascii', bytes: 9 } }, /bytes 0 to 8 .* only 8/],
  ['a block that starts too late', { block: { encoding: 'ascii', bytes: 8, offset: 1 } }, /bytes 1 to 8/],
  ['more digits than fit', { maxDigits: 9 }, /9 digits do not fit a block of 8 bytes/],
  ['a minimum above the maximum', { minDigits: 8, maxDigits: 7 }, /minDigits \(8\)/],
  ['too many digits', { maxDigits: 256 }, /maxDigits must be/],
  [
    'an invalid encoding',
    { block: { encoding: 'utf8' as never, bytes: 8 } },
    /encoding must be one of .* not 'utf8'/,
  ],
  ['an invalid side', { block: { encoding: 'ascii', bytes: 8, justify: 'centre' as never } }, /justify/],
  ['a block of 16 bytes', { block: { encoding: 'ascii', bytes: 16 } }, /bytes/],
  [
    'an invalid unit',
    { block: { encoding: 'ascii', bytes: 8, offsetUnit: 'words' as never } },
    /unit must be one of .* not 'words'/,
  ],
  ['half a second', { timeoutSeconds: 0.5 }, /timeoutSeconds/],
  ['no condition that completes it', { completeOn: [] }, /completeOn/],
  [
    'an invalid condition that completes it',
    { completeOn: ['enter' as never] },
    /completeOn must be one of .* not 'enter'/,
  ],
  ['two messages', { messages: [0, 1] }, /room for 1/],
  ['a language of 17 bits', { language: 0x10000 }, /language/],
])('%s is rejected', (_, change, message) => {
  expect(() => encodePinVerify({ ...piv, ...change })).toThrow(message);
});

test.each<[string, Partial<PinChange>, RegExp]>([
  ['PINs that overlap', { newPinAt: 7 }, /overlap/],
  ['a new PIN outside the command', { newPinAt: 9 }, /The new PIN takes bytes 9 to 16/],
  ['a current PIN outside the command', { currentPinAt: 12 }, /The current PIN takes bytes 12 to 19/],
  ['four messages', { messages: [0, 1, 2, 3] }, /room for 3/],
])('%s is rejected', (_, change, message) => {
  expect(() => encodePinModify({ ...pivChange, ...change })).toThrow(message);
});
