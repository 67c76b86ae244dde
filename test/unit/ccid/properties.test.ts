import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { controlCode, decodeProperties, readProperties } from '../../../src/ccid/index.js';
import { FakeReader } from './fake-reader.js';

const ask = controlCode(3400);
const [pin, display, tlv] = [0x4233000a, 0x42330011, 0x42330012];

test('every property of the standard is decoded', () => {
  const bytes = fromHex(
    '01 02 1002  02 01 07  03 01 01  04 02 1000  05 02 0200  06 01 04  07 01 0C' +
      '08 0A 4B4155504546474A00 00  09 01 03  0A 04 00000100  0B 02 E608  0C 02 3744',
  );
  expect(decodeProperties(bytes)).toEqual({
    display: { lines: 2, charactersPerLine: 16 },
    completeOn: ['max-size', 'key', 'timeout'],
    distinguishesTimeouts: true,
    maxCharacters: 16,
    maxLines: 2,
    minPinDigits: 4,
    maxPinDigits: 12,
    firmwareId: 'KAUPEFGJ',
    ppdu: { control: true, transmit: true },
    maxApduDataSize: 65_536,
    vendorId: 0x08e6,
    productId: 0x4437,
  });
});

test('a reader without display and other comforts reports that', () => {
  expect(decodeProperties(fromHex('01 02 0000  02 01 02  03 01 00  09 01 00'))).toEqual({
    display: undefined,
    completeOn: ['key'],
    distinguishesTimeouts: false,
    ppdu: { control: false, transmit: false },
  });
});

test('an unknown property is kept as bytes', () => {
  expect(decodeProperties(fromHex('7F 02 ABCD  06 01 04'))).toEqual({
    others: new Map([[0x7f, fromHex('ABCD')]]),
    minPinDigits: 4,
  });
});

test.each([
  ['cut short', '06 02 04', /cut short at offset 0/],
  ['a number without bytes', '06 00', /number of 0 bytes/],
  ['a number of five bytes', '0A 05 0000010000', /number of 5 bytes/],
])('%s is rejected', (_, hex, message) => {
  expect(() => decodeProperties(fromHex(hex))).toThrow(message);
});

test('properties are requested by the feature that returns them all', async () => {
  const reader = new FakeReader({
    [ask]: fromHex('0A 04 4233000A  12 04 42330012'),
    [tlv]: fromHex('06 01 05'),
  });
  expect(await readProperties(reader)).toEqual({ minPinDigits: 5 });
  expect(reader.asked.map(({ code }) => code)).toEqual([ask, tlv]);
});

test('older readers are asked for the properties that they support', async () => {
  const reader = new FakeReader({
    [ask]: fromHex('0A 04 4233000A  11 04 42330011'),
    [pin]: fromHex('1002 07 01'),
    [display]: fromHex('1000 0200'),
  });
  expect(await readProperties(reader)).toEqual({
    display: { lines: 2, charactersPerLine: 16 },
    completeOn: ['max-size', 'key', 'timeout'],
    distinguishesTimeouts: true,
    maxCharacters: 16,
    maxLines: 2,
  });
});

test('a structure that is too short is rejected', async () => {
  const reader = new FakeReader({ [pin]: fromHex('1002 07') });
  const reading = readProperties(reader, { features: { ifdPinProperties: pin } });
  await expect(reading).rejects.toMatchObject({ code: 'CCID_MALFORMED' });
});

test('without these features there are no properties, and known features are not requested again', async () => {
  const reader = new FakeReader({});
  expect(await readProperties(reader)).toEqual({});
  expect(await readProperties(reader, { features: {} })).toEqual({});
  expect(reader.asked.map(({ code }) => code)).toEqual([ask]);
});
