import { expect, test } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { atrData, atrLines } from '../../../src/tools/cli/atr-details.js';

const lines = (atr: string, names: string[] = []) =>
  atrLines(fromHex(atr), names).map(([heading, text]) => `${heading}: ${text}`);

test('an OpenPGP card is shown in full', () => {
  expect(lines('3BDA18FF81B1FE751F030031C573C001400090000C', ['OpenPGP Card V2'])).toEqual([
    'ATR: 3B DA 18 FF 81 B1 FE 75 1F 03 00 31 C5 73 C0 01 40 00 90 00 0C',
    'convention: direct',
    'protocols: T=1',
    'interface bytes: TA1 18, TC1 FF, TD1 81, TD2 B1, TA3 FE, TB3 75, TD3 1F, TA4 03',
    'timing: Fi 372, Di 12, up to 5 MHz, minimal guard time',
    'T=1: IFSC 254, BWI 7, CWI 5, LRC',
    'T=15: no clock stop, class A, B',
    'historical bytes: 00 31 C5 73 C0 01 40 00 90 00',
    ': card service data: C5',
    ': card capabilities: C0 01 40',
    ': life cycle: 00',
    ': status word: 9000 success',
    'check byte: right',
    'known as: OpenPGP Card V2',
  ]);
});

test('a storage card, a missing check byte and bytes behind the ATR are shown', () => {
  expect(lines('3B8F8001804F0CA000000306030001000000006A')).toContain(
    'storage card: MIFARE Classic 1K, ISO/IEC 14443 A, part 3',
  );
  expect(lines('3BD81800801F078031C1640806920F')).toContain(
    'check byte: missing, but a protocol other than T=0 is named',
  );
  expect(lines('3B84800101112003369000')).toContain('after the ATR: 90 00');
});

test('bytes that are not an ATR are shown as they are', () => {
  expect(lines('0102')).toEqual(['ATR: 01 02', ': not an answer to reset']);
  expect(atrData(fromHex('0102'), ['x'])).toEqual({ names: ['x'], atr: null });
});

test('as data, bytes are hexadecimal', () => {
  expect(atrData(fromHex('3B021450'), [])).toMatchObject({
    storageCard: null,
    atr: { historicalBytes: { bytes: '1450', category: 'proprietary', rest: '1450' }, trailingBytes: '' },
  });
});
