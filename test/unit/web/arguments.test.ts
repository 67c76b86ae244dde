import { describe, expect, test } from 'vitest';
import {
  SmartCardConnection,
  SmartCardContext,
  SmartCardResourceManager,
  smartCard,
} from '../../../src/web/index.js';
import { connectionState, protocolBits, protocolOf } from '../../../src/web/protocols.js';
import { bitsOf, differs, flagsOf } from '../../../src/web/reader-flags.js';
import { toArrayBuffer, toBytes, toMilliseconds, toUnsignedLong } from '../../../src/web/webidl.js';

describe('arguments are converted as Web IDL does', () => {
  test('numbers of 32 bits', () => {
    expect([0, 1.9, '42', 0xffff_ffff, true].map((value) => toUnsignedLong(value, 'tag'))).toEqual([
      0, 1, 42, 0xffff_ffff, 1,
    ]);
    for (const wrong of [-1, 2 ** 32, Number.NaN, Number.POSITIVE_INFINITY, {}, undefined]) {
      expect(() => toUnsignedLong(wrong, 'tag')).toThrow(TypeError);
    }
  });

  test('milliseconds', () => {
    expect([0, -1, 0.5].map((value) => toMilliseconds(value, 'timeout'))).toEqual([0, -1, 0.5]);
    expect(() => toMilliseconds(Number.POSITIVE_INFINITY, 'timeout')).toThrow(TypeError);
  });

  test('bytes: a view of the caller’s, and a buffer of exactly the result', () => {
    const bytes = Uint8Array.of(0, 1, 2, 3);
    expect(toBytes(new DataView(bytes.buffer, 1, 2), 'data')).toEqual(Uint8Array.of(1, 2));
    expect(toBytes(bytes.buffer, 'data').buffer).toBe(bytes.buffer);
    expect(toArrayBuffer(bytes)).toBe(bytes.buffer);
    expect(toArrayBuffer(bytes.subarray(1, 3))).toEqual(Uint8Array.of(1, 2).buffer);
    expect(() => toBytes(new SharedArrayBuffer(1) as never, 'data')).toThrow(TypeError);
    expect(() => toBytes([1] as never, 'data')).toThrow(TypeError);
  });
});

describe('protocols and states', () => {
  test('have the names of the specification', () => {
    expect(protocolBits([])).toBe(0);
    expect(protocolBits(['t0', 't1', 'raw', 't1'])).toBe(7);
    expect([1, 2, 4, 0, 3].map(protocolOf)).toEqual(['t0', 't1', 'raw', undefined, undefined]);
    expect([1, 2, 3, 4, 5].map((state) => connectionState(state, 0))).toEqual([
      'absent',
      'present',
      'swallowed',
      'powered',
      'negotiable',
    ]);
    expect([1, 2, 4].map((protocol) => connectionState(6, protocol))).toEqual(['t0', 't1', 'raw']);
  });

  test('an unknown state is an UnknownError', () => {
    for (const [state, protocol] of [
      [0, 2],
      [7, 2],
      [6, 0],
      [6, 3],
    ] as const) {
      expect(() => connectionState(state, protocol)).toThrow(
        expect.objectContaining({ name: 'UnknownError' }),
      );
    }
  });
});

describe('reader states', () => {
  const all = {
    ignore: true,
    unavailable: true,
    empty: true,
    present: true,
    exclusive: true,
    inuse: true,
    mute: true,
    unpowered: true,
  };

  test('have the bits of PC/SC', () => {
    expect(bitsOf({})).toBe(0);
    expect(bitsOf({ unaware: true, present: false })).toBe(0);
    expect(bitsOf({ ...all, unaware: true })).toBe(0x07b9);
    expect(flagsOf(0x07b9)).toEqual({ ...all, changed: false, unknown: false });
    expect(flagsOf(0x0006)).toMatchObject({ changed: true, unknown: true, present: false });
  });

  test.each([
    ['nothing is known', {}, 0, { empty: true }, 0, true],
    ['only the count is known', {}, 3, { empty: true }, 3, false],
    ['the count differs', { empty: true }, 2, { empty: true }, 3, true],
    ['the count is not known', { empty: true }, 0, { empty: true }, 3, false],
    ['a card was inserted', { empty: true }, 0, { present: true }, 3, true],
    ['a program has connected', { present: true }, 3, { present: true, inuse: true }, 3, false],
    ['a program has disconnected', { present: true, inuse: true }, 3, { present: true }, 3, true],
    ['the card became mute', { present: true }, 3, { present: true, mute: true }, 3, true],
    ['the reader became unavailable', { empty: true }, 3, { empty: true, unavailable: true }, 3, true],
  ])('%s', (_, known, count, present, presentCount, expected) => {
    const now = { bits: bitsOf(present), count: presentCount };
    expect(differs({ bits: bitsOf(known), count }, now)).toBe(expected);
  });
});

test('only smartCard and its methods make objects', () => {
  for (const Interface of [SmartCardResourceManager, SmartCardContext, SmartCardConnection]) {
    expect(() => Reflect.construct(Interface, [])).toThrow(new TypeError('Illegal constructor'));
  }
  expect(smartCard).toBeInstanceOf(SmartCardResourceManager);
  expect(String(smartCard)).toBe('[object SmartCardResourceManager]');
});
