import { expect, test } from 'vitest';
import { decodeTlv, fromHex, MalformedTlvError } from '../../../src/apdu/index.js';

test.each([
  ['5F', /tag at offset 0 is cut short/],
  ['1FFFFFFF7F', /longer than 4 bytes/],
  ['80', /length at offset 1 is missing/],
  ['8080', /indefinite/],
  ['8085 0000000001', /more than 4 bytes/],
  ['808201', /length at offset 1 is cut short/],
  ['800100 810300', /object at offset 3 announces 3 bytes, but 1 follow/],
])('%s is rejected with the reason and the offset', (bytes, reason) => {
  const decode = () => decodeTlv(fromHex(bytes));
  expect(decode).toThrow(MalformedTlvError);
  expect(decode).toThrow(reason);
});
