/** Inputs for the properties of this folder. A property that fails prints its seed and path: give them to `fc.assert`. */
import fc from 'fast-check';

/** Number of runs of each property in the ordinary tests; PCSC_BRIDGE_PROPERTY_RUNS overrides it. */
export const runs = { numRuns: Number(process.env['PCSC_BRIDGE_PROPERTY_RUNS'] ?? 1000) };

export const byte = fc.integer({ min: 0, max: 0xff });

export function bytes(maxLength: number, minLength = 0): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength, maxLength });
}

/** BER tags of 1 to 4 bytes. */
export const tag = fc.oneof(
  fc.integer({ min: 1, max: 0xff }).filter((first) => (first & 0x1f) !== 0x1f),
  fc
    .tuple(
      fc.integer({ min: 0, max: 7 }),
      fc.array(fc.integer({ min: 0x80, max: 0xff }), { maxLength: 2 }),
      byte,
    )
    .map(([first, middle, last]) =>
      [(first << 5) | 0x1f, ...middle, last & 0x7f].reduce((number, part) => number * 0x100 + part, 0),
    ),
);

/** Cuts bytes into parts, some of them empty. */
export function cut(whole: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (whole.length + 1)), whole.length].sort((a, b) => a - b);
  return ends.map((end, i) => whole.subarray(ends[i - 1] ?? 0, end));
}

export const places = fc.array(fc.nat({ max: 0xffff }), { maxLength: 12 });
