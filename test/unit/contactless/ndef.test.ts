import { describe, expect, test } from 'vitest';
import { fromHex, ResponseApdu, SW } from '../../../src/apdu/index.js';
import {
  type ContactlessCard,
  decodeNdef,
  readNdef,
  Tnf,
  textOf,
  uriOf,
} from '../../../src/contactless/index.js';
import { CardOs, StorageMemory } from '../../../src/testing/virtual/index.js';

/** A short record: header, length of type and payload, type, payload. */
const record = (flags: number, type: string, payload: string) =>
  fromHex(
    Buffer.of(flags, type.length, payload.length / 2).toString('hex') +
      Buffer.from(type).toString('hex') +
      payload,
  );

const hello = record(0xd1, 'T', '02656E48656C6C6F');
const link = record(0xd1, 'U', '046578616D706C652E636F6D');

describe('decodeNdef', () => {
  test('text and URI', () => {
    const [text] = decodeNdef(hello);
    expect(text).toMatchObject({ tnf: Tnf.WellKnown, type: 'T', id: '' });
    expect(text && textOf(text)).toBe('Hello');
    expect(text && uriOf(text)).toBeUndefined();
    const [uri] = decodeNdef(link);
    expect(uri && uriOf(uri)).toBe('https://example.com');
  });

  test('several records, one with an id and one long', () => {
    const first = fromHex(`9902030266` + '6F' + '6162' + '010203');
    const long = Buffer.concat([fromHex('4401 0000012C 61'), Buffer.alloc(300, 7)]);
    // Flags 99: begin, short, id; type of 2 bytes, payload of 3, id of 2.
    const records = decodeNdef(Buffer.concat([first, long]));
    expect(records).toHaveLength(2);
    expect(records[0]).toMatchObject({ type: 'fo', id: 'ab' });
    expect(records[0]?.payload).toEqual(Buffer.from([1, 2, 3]));
    expect(records[1]?.payload).toHaveLength(300);
  });

  test('the chunks of a record are put together', () => {
    const chunks = Buffer.concat([
      record(0xb1, 'T', '02656E48'),
      record(0x36, '', '656C'),
      record(0x56, '', '6C6F'),
    ]);
    const [whole, ...others] = decodeNdef(chunks);
    expect(others).toEqual([]);
    expect(whole && textOf(whole)).toBe('Hello');
  });

  test('text in UTF-16', () => {
    const [text] = decodeNdef(record(0xd1, 'T', '82656E00480069'));
    expect(text && textOf(text)).toBe('Hi');
  });

  test.each([
    ['nothing', ''],
    ['a payload that is cut short', 'D1010854026568'],
    ['no last record', '91010054'],
    ['a chunk without a beginning', '5600 00'],
  ])('%s is an error', (_, hex) => {
    expect(() => decodeNdef(fromHex(hex.replaceAll(' ', '')))).toThrow(
      expect.objectContaining({ code: 'CONTACTLESS_MALFORMED' }),
    );
  });
});

const over = (card: { process(bytes: Uint8Array): Promise<ResponseApdu> }): ContactlessCard => ({
  transmit: async (apdu) => (await card.process(apdu)).encode(),
});

describe('readNdef of a type 2 tag', () => {
  const tag = (data: Uint8Array) => {
    const memory = new StorageMemory('NTAG213', fromHex('04010203040506'));
    memory.preset(4, data);
    return over(memory);
  };

  test('reads the message behind other objects', async () => {
    const lock = fromHex('000103A0100400');
    const message = Buffer.concat([lock, Uint8Array.of(0x03, hello.length), hello, Uint8Array.of(0xfe)]);
    const [text] = await readNdef(tag(message));
    expect(text && textOf(text)).toBe('Hello');
  });

  test('a formatted tag without a message has no records', async () => {
    expect(await readNdef(tag(fromHex('0300FE')))).toEqual([]);
  });

  test('a tag without the object has no message', async () => {
    await expect(readNdef(tag(fromHex('FE')))).rejects.toMatchObject({ code: 'CONTACTLESS_NO_NDEF' });
  });

  test('a length beyond the memory is an error', async () => {
    await expect(readNdef(tag(fromHex('03FFFFF0')))).rejects.toMatchObject({ code: 'CONTACTLESS_MALFORMED' });
  });
});

test('readNdef of a type 4 tag reads its file in parts', async () => {
  const payload = Buffer.alloc(600, 0x41);
  const message = Buffer.concat([fromHex('C101 0000025B 54 02656E'.replaceAll(' ', '')), payload]);
  const files = new Map([
    [0xe103, fromHex('000F20003B00340406E104040000FF')],
    [0xe104, Buffer.concat([Uint8Array.of(message.length >> 8, message.length & 0xff), message])],
  ]);
  let file = new Uint8Array(0);
  const card = new CardOs([
    {
      aid: fromHex('D2760000850101'),
      process: () => new ResponseApdu(SW.INSTRUCTION_NOT_SUPPORTED),
    },
  ]);
  const reads: number[] = [];
  const tag: ContactlessCard = {
    async transmit(apdu) {
      const [, ins, p1 = 0, p2 = 0] = apdu;
      if (ins === 0xa4 && p1 === 0) {
        file = Uint8Array.from(files.get(((apdu[5] ?? 0) << 8) | (apdu[6] ?? 0)) ?? []);
        return fromHex(file.length > 0 ? '9000' : '6A82');
      }
      if (ins !== 0xb0) return (await card.process(apdu)).encode();
      const length = apdu[4] ?? 0;
      reads.push(length);
      const at = (p1 << 8) | p2;
      return Buffer.concat([file.subarray(at, at + length), fromHex('9000')]);
    },
  };
  const [text] = await readNdef(tag);
  expect(text && textOf(text)).toBe('A'.repeat(600));
  // The card allows 59 bytes at a time.
  expect(Math.max(...reads)).toBe(59);
});

test('a card that is no tag has no NDEF message', async () => {
  await expect(readNdef(over(new CardOs([])))).rejects.toMatchObject({ code: 'CONTACTLESS_NO_NDEF' });
  await expect(
    readNdef(over(new StorageMemory('MIFARE Classic 1K', fromHex('01020304')))),
  ).rejects.toMatchObject({ code: 'CONTACTLESS_NO_NDEF' });
});
