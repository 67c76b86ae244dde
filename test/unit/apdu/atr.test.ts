import { describe, expect, test } from 'vitest';
import { describeAtr, fromHex, parseAtr, storageCardOf } from '../../../src/apdu/index.js';
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

  // github.com/LudovicRousseau/pyscard-contrib, issue 5.
  test('with bytes behind its check byte is valid, and they are shown', () => {
    const bytes = fromHex('3B84800101112003369000');
    expect(parseAtr(bytes)).toMatchObject({
      checkByte: 'right',
      valid: true,
      trailingBytes: fromHex('9000'),
    });
    expect(describeAtr(bytes)).toBe('T=0 and T=1, historical bytes 01 11 20 03, 2 bytes follow the ATR');
  });

  test('that names T=15 and has no check byte is reported', () => {
    const bytes = fromHex('3BD81800801F078031C1640806920F');
    expect(parseAtr(bytes)).toMatchObject({ protocols: ['T=0'], checkByte: 'missing', valid: false });
    expect(describeAtr(bytes)).toMatch(/check byte missing$/);
  });

  test('of T=0 alone has no check byte: a byte in its place follows the ATR', () => {
    const atr = parseAtr(fromHex('3B02145045'));
    expect(atr).toMatchObject({ checkByte: 'unused', valid: true, trailingBytes: fromHex('45') });
  });

  test('of a contactless storage card has the name of the card', () => {
    const mifare = '3B8F8001804F0CA000000306030001000000006A';
    expect(describeAtr(fromHex(mifare))).toBe('T=0 and T=1, MIFARE Classic 1K');
    const of = (text: string) => storageCardOf(parseAtr(fromHex(text))?.historicalBytes ?? fromHex(''));
    expect(of(mifare)).toEqual({
      name: 'MIFARE Classic 1K',
      cardNumber: 1,
      standard: 'ISO/IEC 14443 A, part 3',
    });
    const numbered = (number: string) => of(`3B8F8001804F0CA00000030603${number}0000000000`);
    expect([...'003D 0035 001B 0005 003E FF88'.split(' ')].map((number) => numbered(number)?.name)).toEqual([
      'MIFARE Ultralight EV1',
      'i-Code SL2',
      'PicoPass 16K (8x2)',
      undefined,
      undefined,
      undefined,
    ]);
    expect(of('3B8F8001804F0CA000000307030001000000006B')).toBeUndefined();
  });

  test('names reserved rates and specific mode', () => {
    // TA1 = 70: both halves are reserved. TA2 = 91: T=1, cannot change, implicit parameters.
    const atr = parseAtr(fromHex('3BD0 70 FF 10 91'));
    expect(atr).toMatchObject({ fi: undefined, di: undefined, maxFrequency: undefined, extraGuardTime: 255 });
    expect(atr?.specificMode).toEqual({ protocol: 'T=1', canChange: false, implicitParameters: true });
  });

  test('reads the parameters of T=1 and T=15 at their levels', () => {
    // TD1 91: TA2. TD2 F1: TA3, TB3, TC3 of T=1. TD3 3F: TA4, TB4 of T=15.
    const atr = parseAtr(fromHex('3B80 91 11 F1 20 25 01 3F C7 81'));
    expect(atr?.interfaceBytes).toEqual({
      ...{ TD1: 0x91, TA2: 0x11, TD2: 0xf1, TA3: 0x20, TB3: 0x25, TC3: 0x01 },
      ...{ TD3: 0x3f, TA4: 0xc7, TB4: 0x81 },
    });
    expect(atr?.specificMode).toEqual({ protocol: 'T=1', canChange: true, implicitParameters: true });
    expect(atr?.t1).toEqual({ ifsc: 32, bwi: 2, cwi: 5, errorDetection: 'CRC' });
    expect(atr?.global).toEqual({
      clockStop: 'any',
      classes: ['A', 'B', 'C'],
      standardOrProprietaryUse: 'proprietary',
    });
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
