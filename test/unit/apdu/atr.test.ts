import { describe, expect, test } from 'vitest';
import { describeAtr, fromHex, parseAtr } from '../../../src/apdu/index.js';
import { buildAtr } from '../../../src/testing/virtual/index.js';

describe('an answer to reset', () => {
  test.each([
    [['T=0'], ['T=0']],
    [['T=1'], ['T=1']],
    [
      ['T=0', 'T=1'],
      ['T=0', 'T=1'],
    ],
  ] as const)('that offers %j lists these protocols', (protocols, read) => {
    const atr = parseAtr(buildAtr({ protocols }));
    expect(atr).toMatchObject({ convention: 'direct', protocols: read, valid: true });
  });

  test('has historical bytes, and their text if they are text', () => {
    expect(describeAtr(buildAtr())).toBe('T=1, historical bytes 80 73 C0 01 C0');
    expect(describeAtr(buildAtr({ historicalBytes: Buffer.from('Hello') }))).toBe('T=1, "Hello"');
  });

  // Cards in circulation, as published with their makers' documents.
  test.each([
    ['3B 6E 00 00 80 31 80 66 B0 84 0C 01 6E 01 83 00 90 00', 'T=0', 14],
    ['3B FC 13 00 00 81 31 FE 15 59 75 62 69 6B 65 79 4E 45 4F 72 33 E1', 'T=1', 12],
    ['3F 65 25 00 52 09 6A 90 00', 'T=0', 5],
  ])('of %s is parsed', (text, protocol, length) => {
    const atr = parseAtr(fromHex(text));
    expect(atr?.protocols).toEqual([protocol]);
    expect(atr?.historicalBytes).toHaveLength(length);
    expect(atr?.valid).toBe(true);
  });

  test('with a wrong check byte is reported', () => {
    const bytes = buildAtr();
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
    expect(parseAtr(bytes)?.valid).toBe(false);
    expect(describeAtr(bytes)).toMatch(/wrong check byte$/);
  });

  test.each(['', '3B', '00 00', '3B 05 01', '3B F0', `3B 0F${' 00'.repeat(40)}`])(
    'cannot be "%s"',
    (text) => {
      expect(parseAtr(fromHex(text))).toBeUndefined();
      expect(describeAtr(fromHex(text))).toBe('not an answer to reset');
    },
  );

  test('of any bytes is parsed in finite time', () => {
    for (let round = 0; round < 2000; round++) {
      const bytes = crypto.getRandomValues(new Uint8Array(Math.floor(Math.random() * 40)));
      if (round % 2) bytes[0] = 0x3b;
      expect(typeof describeAtr(bytes)).toBe('string');
    }
  });
});
