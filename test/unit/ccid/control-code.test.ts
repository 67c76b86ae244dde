import { expect, test } from 'vitest';
import { controlCode, GET_FEATURE_REQUEST } from '../../../src/ccid/index.js';

test('on Windows the device type is in the high word and the function is shifted by two', () => {
  expect(controlCode(GET_FEATURE_REQUEST, 'win32')).toBe(0x00313520);
  expect(controlCode(1, 'win32')).toBe(0x00310004);
  expect(controlCode(3500, 'win32')).toBe(0x003136b0);
});

test.each(['linux', 'darwin'] as const)('%s adds the function to 42000000', (platform) => {
  expect(controlCode(GET_FEATURE_REQUEST, platform)).toBe(0x42000d48);
  expect(controlCode(1, platform)).toBe(0x42000001);
});

test('the default is this platform', () => {
  expect(controlCode(1)).toBe(controlCode(1, process.platform));
});

test.each([-1, 4096, 1.5, Number.NaN])('%s is not a function', (wrong) => {
  expect(() => controlCode(wrong)).toThrow(RangeError);
});
