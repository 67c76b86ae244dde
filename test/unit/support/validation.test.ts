import { describe, expect, test } from 'vitest';
import { fromConnectTime, toConnectTime } from '../../../src/index.js';
import { describe as describeValue, protocolBits, protocolName } from '../../../src/support/validation.js';

test('protocols convert to bits and back', () => {
  expect(protocolBits([])).toBe(0);
  expect(protocolBits(['T=0', 'T=1', 'raw'])).toBe(7);
  expect([0, 1, 2, 4].map(protocolName)).toEqual([undefined, 'T=0', 'T=1', 'raw']);
});

describe('connect times', () => {
  test('count ticks of 100 ns since 1601', () => {
    expect(toConnectTime(0)).toBe(116_444_736_000_000_000n);
    expect(toConnectTime(new Date('2024-12-01T00:00:00Z'))).toBe(133_774_848_000_000_000n);
    expect(fromConnectTime(133_774_848_000_000_000n)?.toISOString()).toBe('2024-12-01T00:00:00.000Z');
  });

  test('convert to dates and back', () => {
    for (const ms of [-11_644_473_599_999, -1, 0, 1, 1_733_011_200_123]) {
      expect(Number(fromConnectTime(toConnectTime(ms)))).toBe(ms);
    }
  });

  test('of 0 are unknown, and no date', () => {
    expect(fromConnectTime(0n)).toBeUndefined();
  });
});

test('an error names the type of a value, and never shows strings and bytes, which may be secret', () => {
  const values = [
    null,
    undefined,
    true,
    3,
    3n,
    '',
    '271828',
    Symbol('x'),
    () => {},
    [1],
    Uint8Array.of(2),
    new Map(),
  ];
  expect(values.map(describeValue)).toEqual([
    'null',
    'undefined',
    'true',
    'the number 3',
    'the bigint 3',
    "''",
    'a string',
    'a symbol',
    'a function',
    'an array',
    'an object (Uint8Array)',
    'an object (Map)',
  ]);
  expect(describeValue(Object.create(null))).toBe('an object (no class)');
});
