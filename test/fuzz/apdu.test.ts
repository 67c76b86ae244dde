import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { blocksOf } from '../../src/apdu/chaining.js';
import {
  CommandApdu,
  carriesSecret,
  decodeHistoricalBytes,
  decodeTlv,
  describeAtr,
  describeStatusWord,
  encodeTlv,
  exchange,
  findTlv,
  formatCommand,
  fromHex,
  InterindustryClass,
  MalformedApduError,
  MalformedTlvError,
  maskSecrets,
  parseAtr,
  ResponseApdu,
  toHex,
} from '../../src/apdu/index.js';
import { buildAtr } from '../../src/testing/virtual/index.js';
import { byte, bytes, places, runs, tag } from './arbitraries.js';
import { counted } from './work.js';

/** What `attempt` returns, or undefined if it throws an error of this class; any other error passes. */
function unless<T>(kind: new (message: string) => Error, attempt: () => T): T | undefined {
  try {
    return attempt();
  } catch (error) {
    if (error instanceof kind) return undefined;
    throw error;
  }
}

const fields = fc.record({
  cla: fc.integer({ min: 0, max: 0xfe }),
  ins: byte,
  p1: byte,
  p2: byte,
  data: bytes(600),
  ne: fc.oneof(fc.constantFrom(0, 1, 255, 256, 257, 65_535, 65_536), fc.integer({ min: 0, max: 65_536 })),
  extended: fc.boolean(),
});

describe('commands', () => {
  test('bytes parse to a command that encodes to the same bytes, or are malformed', () => {
    fc.assert(
      fc.property(bytes(300), (given) => {
        const command = unless(MalformedApduError, () => CommandApdu.parse(given));
        if (command) expect(command.encode()).toEqual(given);
      }),
      {
        ...runs,
        examples: [[fromHex('00A4040000')], [fromHex('00A40400000000')], [fromHex('00A4040000000100')]],
      },
    );
  });

  test('fields that are encoded decode to the same fields', () => {
    fc.assert(
      fc.property(fields, (given) => {
        const { cla, ins, p1, p2, data, ne } = CommandApdu.parse(new CommandApdu(given).encode());
        expect({ cla, ins, p1, p2, data, ne }).toEqual({
          cla: given.cla,
          ins: given.ins,
          p1: given.p1,
          p2: given.p2,
          data: given.data,
          ne: given.ne,
        });
      }),
      runs,
    );
  });

  test('a chain carries the data of its command, and only its last part requests a response', () => {
    fc.assert(
      fc.property(fields, (given) => {
        const blocks = blocksOf(new CommandApdu(given));
        expect(Buffer.concat(blocks.map(({ data }) => data))).toEqual(Buffer.from(given.data));
        for (const block of blocks.slice(0, -1)) expect([block.ne, block.class.chained]).toEqual([0, true]);
        for (const block of blocks) expect(block.extended || block.fitsShort).toBe(true);
      }),
      runs,
    );
  });

  test('the bytes of a PIN never appear in a log', () => {
    fc.assert(
      fc.property(bytes(40), (given) => {
        const masked = maskSecrets(given);
        expect(masked.length).toBe(given.length);
        if (!carriesSecret(given)) {
          expect(masked).toEqual(given);
          return;
        }
        expect(masked.subarray(5).every((one) => one === 0)).toBe(true);
        expect(formatCommand(given).slice(14)).toMatch(/^( ?\*\*)*$/);
      }),
      runs,
    );
  });

  test('every class byte has a channel, and its GET RESPONSE uses the same channel', () => {
    for (let cla = 0; cla < 0xff; cla++) {
      const { channel, proprietary } = new InterindustryClass(cla);
      expect(channel).toBeGreaterThanOrEqual(0);
      expect(channel).toBeLessThan(20);
      const after = new InterindustryClass(new InterindustryClass(cla).forGetResponse());
      expect([after.secureMessaging, after.chained, proprietary || after.channel === channel]).toEqual([
        false,
        false,
        true,
      ]);
    }
  });
});

describe('responses', () => {
  test('bytes parse to a response that encodes to the same bytes, or are malformed', () => {
    fc.assert(
      fc.property(bytes(300), (given) => {
        const response = unless(MalformedApduError, () => ResponseApdu.parse(given));
        expect(response === undefined).toBe(given.length < 2);
        if (response) expect(response.encode()).toEqual(given);
      }),
      runs,
    );
  });

  test('every status word has a meaning', () => {
    const all = Array.from({ length: 0x1_0000 }, (_, sw) => sw);
    expect(all.filter((sw) => describeStatusWord(sw) === '')).toEqual([]);
  });
});

describe('an exchange', () => {
  const status = fc.oneof(
    fc.tuple(fc.constantFrom(0x61, 0x6c, 0x90), fc.constantFrom(0, 1, 16, 255)),
    fc.tuple(byte, byte),
  );
  const answer = fc.tuple(bytes(20), status).map(([data, sw]) => Uint8Array.from([...data, ...sw]));
  const answers = fc.array(fc.oneof({ weight: 9, arbitrary: answer }, bytes(3)), { maxLength: 12 });

  test('ends for any responses of the card, and sends only commands', async () => {
    await fc.assert(
      fc.asyncProperty(fields, answers, async (given, script) => {
        const whole = new CommandApdu(given);
        let sent = 0;
        const card = async (apdu: Uint8Array) => {
          CommandApdu.parse(apdu);
          // Then it announces full blocks without end.
          return script[sent++] ?? Uint8Array.from([...new Uint8Array(256), 0x61, 0]);
        };
        const response = await exchange(card, whole).catch((error: unknown) => error);
        expect(response instanceof ResponseApdu || response instanceof MalformedApduError).toBe(true);
        // Each block of the chain twice, each received block of data twice, and 512 blocks of 256 bytes.
        expect(sent).toBeLessThanOrEqual(blocksOf(whole).length + 2 * script.length + 2 + 520);
      }),
      { ...runs, numRuns: Math.ceil(runs.numRuns / 4) },
    );
  });
});

describe('BER-TLV', () => {
  const object = fc.tuple(tag, bytes(300));

  test('bytes parse to data objects within them, or are malformed', () => {
    fc.assert(
      fc.property(bytes(200), fc.array(tag, { maxLength: 4 }), (given, path) => {
        const objects = unless(MalformedTlvError, () => decodeTlv(given)) ?? [];
        const total = objects.reduce((sum, { value }) => sum + value.length, 0);
        expect(total + 2 * objects.length).toBeLessThanOrEqual(given.length);
        unless(MalformedTlvError, () => findTlv(given, ...path));
      }),
      runs,
    );
  });

  test('data objects that are encoded decode to the same objects', () => {
    fc.assert(
      fc.property(fc.array(object, { maxLength: 6 }), places, (objects, padding) => {
        const encoded = objects.flatMap(([name, value], i) => [
          encodeTlv(name, value),
          new Uint8Array((padding[i] ?? 0) % 3),
        ]);
        const decoded = decodeTlv(Buffer.concat(encoded));
        expect(decoded.map((one) => [one.tag, Uint8Array.from(one.value)])).toEqual(objects);
      }),
      runs,
    );
  });

  test('a number encodes to a tag that decodes to it, or is out of range', () => {
    fc.assert(
      fc.property(fc.oneof(fc.double(), fc.integer(), tag), (number) => {
        const encoded = unless(RangeError, () => encodeTlv(number));
        if (encoded) expect(decodeTlv(encoded)[0]?.tag).toBe(number);
      }),
      { ...runs, examples: [[Number.POSITIVE_INFINITY], [Number.NaN], [0], [-1], [0x7e], [0x5fc105]] },
    );
  });

  test.each([
    [
      'many objects',
      (size: number) => encodeTlv(0x53, ...Array(size).fill(encodeTlv(0x5fc105, new Uint8Array(1)))),
    ],
    ['padding', (size: number) => encodeTlv(0x53, new Uint8Array(size * 4))],
    [
      'nested objects',
      (size: number) =>
        Array(size / 100)
          .fill(0)
          .reduce((inner) => encodeTlv(0x53, inner), new Uint8Array(size)),
    ],
  ])('the work for %s grows linearly with its length', (_, make) => {
    const work = (size: number) => {
      const watched = counted(make(size));
      decodeTlv(findTlv(watched.bytes, 0x53) ?? new Uint8Array());
      return watched.reads();
    };
    expect(work(8000)).toBeLessThanOrEqual(8.5 * work(1000));
  });
});

describe('answers to reset', () => {
  test('bytes parse to an ATR that contains its historical bytes, or are rejected', () => {
    fc.assert(
      fc.property(bytes(40), fc.constantFrom(0x3b, 0x3f), (given, first) => {
        const bytesOfAtr = Uint8Array.from([first, ...given]);
        const atr = parseAtr(bytesOfAtr);
        expect(describeAtr(bytesOfAtr)).not.toBe('');
        if (!atr) return;
        expect(atr.historicalBytes.length).toBeLessThanOrEqual(15);
        expect(atr.protocols.length).toBeGreaterThan(0);
        expect(toHex(bytesOfAtr)).toContain(toHex(atr.historicalBytes));
        const { objects, rest } = decodeHistoricalBytes(atr.historicalBytes);
        expect(objects.length + rest.length).toBeLessThanOrEqual(15);
      }),
      runs,
    );
  });

  test('an ATR parses to the protocols and historical bytes it was made from', () => {
    const protocols = fc.constantFrom<('T=0' | 'T=1')[]>(['T=0'], ['T=1'], ['T=0', 'T=1']);
    fc.assert(
      fc.property(protocols, bytes(15), (offered, historicalBytes) => {
        const atr = parseAtr(buildAtr({ protocols: offered, historicalBytes }));
        const expected = { convention: 'direct', protocols: offered, historicalBytes, valid: true };
        expect(atr).toMatchObject({ ...expected, trailingBytes: new Uint8Array(0) });
      }),
      runs,
    );
  });
});

describe('hexadecimal text', () => {
  test('text parses to bytes, or throws a TypeError', () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: fc.constantFrom(...'0123456789abcdefABCDEF: \t\n') }),
    );
    fc.assert(
      fc.property(text, (given) => {
        const read = unless(TypeError, () => fromHex(given));
        if (read) expect(toHex(read)).toBe(given.replace(/[\s:]/g, '').toUpperCase());
      }),
      runs,
    );
  });

  test('text parses to the same bytes with any separators', () => {
    fc.assert(
      fc.property(bytes(100), fc.constantFrom('', ' ', ':', '\n'), (given, separator) => {
        expect(fromHex(toHex(given, separator))).toEqual(given);
      }),
      runs,
    );
  });
});
