import { expect, test } from 'vitest';
import { fromHex, toHex } from '../../../src/apdu/index.js';
import { buildAtr } from '../../../src/testing/virtual/index.js';

test('the default ATR offers T=1 and ends with a valid check byte', () => {
  const atr = buildAtr();
  expect(toHex(atr)).toBe('3B858131FE458073C001C07C');
  expect(atr.subarray(1).reduce((sum, byte) => sum ^ byte, 0)).toBe(0);
});

test('an ATR for T=0 alone has no check byte', () => {
  expect(toHex(buildAtr({ protocols: ['T=0'], historicalBytes: fromHex('4142') }))).toBe('3B82004142');
});

test('an ATR for both protocols names T=0 first', () => {
  expect(toHex(buildAtr({ protocols: ['T=1', 'T=0'], historicalBytes: fromHex('') }))).toBe('3B808031FE458A');
});

test('an ATR without a protocol or with too many historical bytes is rejected', () => {
  expect(() => buildAtr({ protocols: [] })).toThrow(RangeError);
  expect(() => buildAtr({ historicalBytes: new Uint8Array(16) })).toThrow(RangeError);
});
