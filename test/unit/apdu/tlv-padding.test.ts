import { expect, test } from 'vitest';
import { decodeTlv, fromHex, MalformedTlvError, toHex } from '../../../src/apdu/index.js';

// github.com/evsinev/ber-tlv, issue 11, and github.com/bitgamma/tlv, issue 1.
const emv = fromHex('5F340101FFFFFF9F57020840');
const fci = fromHex('8407A0000000031010FFFFFFFFFFA505500356495A');

const read = (bytes: Uint8Array, padding?: '00' | '00 and FF') =>
  decodeTlv(bytes, { padding }).map(({ tag, value }) => `${tag.toString(16).toUpperCase()} ${toHex(value)}`);

test('FF between data objects is padding if the caller says so', () => {
  expect(read(emv, '00 and FF')).toEqual(['5F34 01', '9F57 0840']);
  expect(read(fci, '00 and FF')).toEqual(['84 A0000000031010', 'A5 500356495A']);
});

test('by default FF begins a tag', () => {
  expect(() => read(emv)).toThrow(MalformedTlvError);
  expect(() => read(fci)).toThrow(MalformedTlvError);
  expect(read(fromHex('FF01 01 AA'))).toEqual(['FF01 AA']);
});

test('00 and FF before, between and after data objects are padding together', () => {
  expect(read(fromHex('FF00 8101AA 00FF00 8201FF FFFF'), '00 and FF')).toEqual(['81 AA', '82 FF']);
  expect(read(fromHex('00 8101AA 0000 820100 00'))).toEqual(['81 AA', '82 00']);
});
