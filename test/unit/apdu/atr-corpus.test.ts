import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeHistoricalBytes, fromHex, parseAtr, storageCardOf, toHex } from '../../../src/apdu/index.js';

/**
 * ATRs of real cards. What is expected of them comes from pcsc-tools' ATR_analysis, a program that shares nothing with
 * this library; of those with a missing check byte or bytes behind it, from the reports that they came with. The objects
 * of four ATRs were decoded by hand: ATR_analysis looks into card capabilities of 5 bytes, goes on after tag 0, and does
 * not show an object that text happens to look like.
 */
interface Expected {
  atr: string;
  card?: string;
  convention: string;
  protocols: string[];
  /** `TA1=96 TD1=80` */
  interfaceBytes: string;
  historicalBytes: string;
  checkByte: string;
  /** How many follow the ATR. */
  trailingBytes: number;
  fi: number;
  di: number;
  maxFrequency: number;
  extraGuardTime: number;
  /** `IFSC 254, BWI 4, CWI 5` */
  t1?: string;
  clockStop?: string;
  classes?: string;
  /** Tag and length of each compact-TLV object: `3:1 7:3` */
  objects: string;
  lifeCycle?: string;
  sw?: string;
  storageCard?: string;
}

const file = new URL('../../cases/atrs.json', import.meta.url);
const corpus = JSON.parse(readFileSync(file, 'utf8')) as Expected[];

test('the corpus has at least 60 ATRs, and some of each kind', () => {
  expect(new Set(corpus.map(({ atr }) => atr)).size).toBeGreaterThanOrEqual(60);
  expect(new Set(corpus.map(({ checkByte }) => checkByte))).toEqual(new Set(['right', 'missing', 'unused']));
  expect(corpus.filter(({ convention }) => convention === 'inverse').length).toBeGreaterThan(1);
});

test.each(corpus)('$atr', ({ atr: text, card: _card, ...expected }) => {
  expect(fieldsOf(text)).toEqual(expected);
});

test.each(corpus.filter(({ checkByte }) => checkByte === 'right'))(
  'a wrong check byte of $atr is found',
  ({ atr, trailingBytes }) => {
    const bytes = fromHex(atr);
    const place = bytes.length - trailingBytes - 1;
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    expect(parseAtr(bytes)).toMatchObject({ checkByte: 'wrong', valid: false });
  },
);

/** What the library says, in the form of the corpus. */
function fieldsOf(text: string): Omit<Expected, 'atr' | 'card'> {
  const atr = parseAtr(fromHex(text));
  if (atr === undefined) throw new Error(`${text} is not an answer to reset`);
  const { convention, protocols, checkByte, fi = 0, di = 0, maxFrequency = 0, extraGuardTime } = atr;
  const { objects, lifeCycle, sw } = decodeHistoricalBytes(atr.historicalBytes);
  const storageCard = storageCardOf(atr.historicalBytes)?.name;
  const { t1, global } = atr;
  return {
    convention,
    protocols,
    interfaceBytes: Object.entries(atr.interfaceBytes)
      .map(([name, value]) => `${name}=${hex(value)}`)
      .join(' '),
    historicalBytes: toHex(atr.historicalBytes),
    checkByte,
    trailingBytes: atr.trailingBytes.length,
    fi,
    di,
    maxFrequency,
    extraGuardTime,
    ...(t1 && { t1: `IFSC ${t1.ifsc}, BWI ${t1.bwi}, CWI ${t1.cwi}` }),
    ...(global?.clockStop && { clockStop: global.clockStop, classes: global.classes?.join('') ?? '' }),
    objects: objects.map(({ tag, value }) => `${tag.toString(16).toUpperCase()}:${value.length}`).join(' '),
    ...(lifeCycle !== undefined && { lifeCycle: hex(lifeCycle) }),
    ...(sw !== undefined && { sw: hex(sw, 4) }),
    ...(storageCard && { storageCard }),
  };
}

function hex(value: number, digits = 2): string {
  return value.toString(16).toUpperCase().padStart(digits, '0');
}
