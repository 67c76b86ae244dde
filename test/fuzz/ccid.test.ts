import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CommandApdu, MalformedApduError } from '../../src/apdu/index.js';
import {
  CcidError,
  decodeFeatures,
  decodeProperties,
  encodePinModify,
  encodePinVerify,
  Features,
  type PinChange,
} from '../../src/ccid/index.js';
import { byte, bytes, runs } from './arbitraries.js';
import { counted } from './work.js';

/** Rethrows any other error; returns whether an error of one of these classes was thrown. */
function refuses(kinds: readonly (new (...given: never[]) => Error)[], attempt: () => unknown): boolean {
  try {
    attempt();
    return false;
  } catch (error) {
    if (kinds.some((kind) => error instanceof kind)) return true;
    throw error;
  }
}

/** Entries of a list, most of them well-formed. */
const entries = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 0x14 }), bytes(6)), { maxLength: 8 })
  .map((list) => Uint8Array.from(list.flatMap(([tag, value]) => [tag, value.length, ...value])));

describe("a driver's answer", () => {
  test.each([
    ['features', decodeFeatures],
    ['properties', decodeProperties],
  ])('parses to a list of %s, or fails with CCID_MALFORMED', (_, decode) => {
    fc.assert(
      fc.property(fc.oneof(bytes(60), entries), (answer) => {
        refuses([CcidError], () => decode(answer));
      }),
      runs,
    );
  });

  test('keeps the control codes of the driver in the features', () => {
    const feature = fc.record({
      tag: fc.constantFrom(...Object.values(Features)),
      code: fc.integer({ min: 0, max: 0xffff_ffff }),
    });
    fc.assert(
      fc.property(fc.array(feature, { maxLength: 20 }), (features) => {
        const answer = Buffer.concat(
          features.map(({ tag, code }) => {
            const entry = Buffer.from([tag, 4, 0, 0, 0, 0]);
            entry.writeUInt32BE(code, 2);
            return entry;
          }),
        );
        expect(decodeFeatures(answer).map(({ tag, code }) => ({ tag, code }))).toEqual(features);
      }),
      runs,
    );
  });

  test('takes work that grows linearly with its length', () => {
    const work = (size: number) => {
      const watched = counted(Buffer.concat(Array(size).fill(Buffer.from([6, 4, 1, 2, 3, 4]))));
      decodeFeatures(watched.bytes);
      return watched.reads();
    };
    expect(work(8000)).toBeLessThanOrEqual(8.5 * work(1000));
  });
});

describe('the structures of a PIN pad', () => {
  const number = fc.oneof(
    fc.integer({ min: 0, max: 16 }),
    byte,
    fc.integer({ min: -2, max: 300 }),
    fc.double(),
  );
  const apdu = fc.oneof(
    bytes(20),
    fc
      .integer({ min: 1, max: 16 })
      .map((size) =>
        new CommandApdu({ cla: 0, ins: 0x20, p1: 0, p2: 0x80, data: new Uint8Array(size) }).encode(),
      ),
  );
  const change = fc.record(
    {
      apdu,
      block: fc.record(
        {
          encoding: fc.constantFrom('binary', 'bcd', 'ascii'),
          bytes: number,
          justify: fc.constantFrom('left', 'right'),
          offset: number,
          offsetUnit: fc.constantFrom('bytes', 'bits'),
          length: fc.record({ bits: number, offset: number }),
        },
        { requiredKeys: ['encoding', 'bytes'] },
      ),
      minDigits: number,
      maxDigits: number,
      timeoutSeconds: number,
      keyTimeoutSeconds: number,
      completeOn: fc.array(fc.constantFrom('max-size', 'key', 'timeout'), { maxLength: 3 }),
      messages: fc.oneof(fc.constant('default' as const), fc.array(number, { maxLength: 4 })),
      language: number,
      currentPinAt: number,
      newPinAt: number,
      confirm: fc.boolean(),
    },
    { requiredKeys: ['apdu', 'block', 'minDigits', 'maxDigits', 'currentPinAt', 'newPinAt'] },
  ) as fc.Arbitrary<PinChange>;
  const documented = [RangeError, TypeError, MalformedApduError];

  test.each([
    ['verify', encodePinVerify, 19],
    ['modify', encodePinModify, 24],
  ])(
    '%s: values are rejected as documented, or encode to a structure of the right size',
    (_, encode, head) => {
      fc.assert(
        fc.property(change, (given) => {
          let structure = new Uint8Array();
          if (refuses(documented, () => (structure = Uint8Array.from(encode(given))))) return;
          expect(structure.length).toBe(head + given.apdu.length);
          expect(structure.subarray(head)).toEqual(Uint8Array.from(given.apdu));
          expect(Buffer.from(structure).readUInt32LE(head - 4)).toBe(given.apdu.length);
        }),
        runs,
      );
    },
  );
});
