import { expect, test } from 'vitest';
import { CommandApdu, fromHex, MalformedApduError } from '../../../src/apdu/index.js';

test.each([
  ['', /header of 4 bytes, but only 0 came/],
  ['00A404', /header of 4 bytes, but only 3 came/],
  ['FFA40400', /CLA FF is reserved/],
  ['00D6000003ABCD', /Lc announces 3 data bytes, but only 2 follow/],
  ['00D6000001ABCDEF', /at most one byte \(Le\) may follow, but 2 do/],
  ['00D600000001', /announces extended length, which takes two more bytes/],
  ['00D60000000000AB', /Extended Lc is 0, but data follows/],
  ['00D60000000003ABCD', /Extended Lc announces 3 data bytes, but only 2 follow/],
  ['00D60000000001ABCD', /either nothing or a two-byte Le follows, but 1 bytes do/],
])('bytes %s are rejected with the reason', (bytes, reason) => {
  const parse = () => CommandApdu.parse(fromHex(bytes));
  expect(parse).toThrow(MalformedApduError);
  expect(parse).toThrow(reason);
});
