import { expect, test } from 'vitest';
import { decodeTlv, encodeTlv, findTlv, fromHex, toHex } from '../../../src/apdu/index.js';

test.each([
  [0x7e, 0, '7E00'],
  [0x5f2f, 2, '5F2F020000'],
  [0x5fc105, 1, '5FC1050100'],
  [0x53, 127, '537F'],
  [0x53, 128, '538180'],
  [0x53, 256, '53820100'],
  [0x53, 65_536, '5383010000'],
])('tag %i with %i bytes decodes to the same tag and bytes', (tag, length, start) => {
  const bytes = encodeTlv(tag, new Uint8Array(length));
  expect(toHex(bytes).startsWith(start)).toBe(true);
  expect(decodeTlv(bytes)).toEqual([{ tag, value: new Uint8Array(length) }]);
});

test('objects nest, and a path finds the inner one', () => {
  const challenge = fromHex('CAFE');
  const template = encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(0x81, challenge));
  expect(toHex(template)).toBe('7C0682008102CAFE');
  expect(findTlv(template, 0x7c, 0x81)).toEqual(challenge);
  expect(findTlv(template, 0x7c, 0x85)).toBeUndefined();
});

test('zero bytes between objects are padding', () => {
  expect(decodeTlv(fromHex('00 00 80 01 AA 00 81 00')).map(({ tag }) => tag)).toEqual([0x80, 0x81]);
});

test.each([0, 0x5f, 0x7e01, 0x1f8001ff, 1.5, -1])('%d cannot be encoded as a tag', (tag) => {
  expect(() => encodeTlv(tag)).toThrow(RangeError);
});
