import { expect, test } from 'vitest';
import { describeStatusWord, retriesLeft } from '../../../src/apdu/index.js';

test.each([
  [0x9000, 'success'],
  [0x6110, '16 more response bytes available'],
  [0x6100, '256 or more response bytes wait'],
  [0x63c1, 'verification failed, 1 try left'],
  [0x63c0, 'verification failed, 0 tries left'],
  [0x6c08, 'wrong Le, 8 bytes available'],
  [0x6c00, 'wrong Le, 256 bytes available'],
  [0x6700, 'wrong length'],
  [0x6982, 'security status not satisfied'],
  [0x6983, 'authentication method blocked'],
  [0x6a82, 'file or application not found'],
  [0x6a86, 'incorrect parameters P1-P2'],
  [0x6d00, 'instruction not supported or invalid'],
  [0x6e00, 'class not supported'],
  [0x6aff, 'wrong parameters P1-P2 (6AFF)'],
  [0x6210, 'triggered by the card: it asks for a query of 16 bytes'],
  [0x9484, 'application-specific status 9484'],
  [0x0000, 'not a status word: 0000'],
])('%i is described', (sw, meaning) => {
  expect(describeStatusWord(sw)).toBe(meaning);
});

test('only a failed or blocked verification reports the tries left', () => {
  expect(retriesLeft(0x63c3)).toBe(3);
  expect(retriesLeft(0x6983)).toBe(0);
  expect(retriesLeft(0x6300)).toBeUndefined();
  expect(retriesLeft(0x9000)).toBeUndefined();
});
