import { expect, test } from 'vitest';
import { Attributes, attributeNumber } from '../../../src/card/attributes.js';
import { systemHeader } from './system-header.js';

test('an attribute is given by name or by number', () => {
  expect(attributeNumber('vendorName')).toBe(0x00010100);
  expect(attributeNumber('atrString')).toBe(0x00090303);
  expect(attributeNumber(0x0fae)).toBe(0x0fae);
});

test.each(['vendorname', 'toString', '', -1, 2 ** 32, 1.5, null])('%s is not an attribute', (wrong) => {
  expect(() => attributeNumber(wrong as never)).toThrow(/attribute/);
});

test.skipIf(!systemHeader)("the numbers are exactly those of the system's reader.h", () => {
  const header = systemHeader ?? '';
  const classes = new Map(
    [...header.matchAll(/#define (SCARD_CLASS_\w+)\s+(\w+)/g)].map(([, name, value]) => [
      name,
      Number(value),
    ]),
  );
  const theirs = [...header.matchAll(/#define SCARD_ATTR_(\w+) SCARD_ATTR_VALUE\((\w+), (\w+)\)/g)].map(
    ([, name = '', group, tag]) => [
      name.replace('SUPRESS', 'SUPPRESS').replaceAll('_', '').toLowerCase(),
      (classes.get(group) ?? Number.NaN) * 0x10000 + Number(tag),
    ],
  );
  expect(theirs.length).toBeGreaterThan(40);
  const ours = Object.entries(Attributes).map(([name, id]) => [name.toLowerCase(), id]);
  expect(Object.fromEntries(ours)).toEqual(Object.fromEntries(theirs));
});
