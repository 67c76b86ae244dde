import { expect, test } from 'vitest';
import { fromHex, MalformedApduError, ResponseApdu, toHex } from '../../../src/apdu/index.js';

test('a response consists of data and a status word', () => {
  const response = ResponseApdu.parse(fromHex('0102 63C2'));
  expect(toHex(response.data)).toBe('0102');
  expect(response.sw).toBe(0x63c2);
  expect(response.ok).toBe(false);
  expect(response.retriesLeft).toBe(2);
  expect(response.meaning).toBe('verification failed, 2 tries left');
  expect(toHex(response.encode())).toBe('010263C2');
});

test('a response without a complete status word is rejected', () => {
  expect(() => ResponseApdu.parse(fromHex('90'))).toThrow(MalformedApduError);
});
