import { expect, test } from 'vitest';
import { parseCardCacheFile } from '../../../src/index.js';

test('cardcf has two bytes and two words, least significant byte first', () => {
  expect(parseCardCacheFile(Uint8Array.of(1, 2, 0x04, 0x03, 0x06, 0x05))).toEqual({
    version: 1,
    pinsFreshness: 2,
    containersFreshness: 0x0304,
    filesFreshness: 0x0506,
  });
});

test('a view into a larger buffer is accepted', () => {
  const card = Uint8Array.of(9, 9, 0, 1, 2, 0, 3, 0, 9);
  expect(parseCardCacheFile(card.subarray(2, 8))).toMatchObject({ pinsFreshness: 1, filesFreshness: 3 });
});

test('a shorter buffer is rejected', () => {
  expect(() => parseCardCacheFile(new Uint8Array(5))).toThrow(RangeError);
});
