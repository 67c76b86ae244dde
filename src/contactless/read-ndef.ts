import { CommandApdu, fromHex, ResponseApdu } from '../apdu/index.js';
import type { WaitOptions } from '../support/cancellation.js';
import { ContactlessError } from './error.js';
import { decodeNdef, type NdefRecord } from './ndef.js';
import { type ContactlessCard, readBinary } from './storage.js';

/** The NDEF application of a type 4 tag, and its capability container (NFC Forum, Type 4 Tag 2.0). */
const NDEF_APPLICATION = fromHex('D2760000850101');
const CAPABILITY_FILE = 0xe103;
/** The tag of the control object that names the NDEF file. */
const NDEF_FILE_CONTROL = 0x04;

/** A type 2 tag has pages of 4 bytes; a read returns four of them (NFC Forum, Type 2 Tag 1.1). */
const PAGE = 4;
const READ = 16;
const CAPABILITY_PAGE = 3;
const FIRST_DATA_PAGE = 4;
const NDEF_MAGIC = 0xe1;
const Tlv = { Null: 0x00, Ndef: 0x03, Terminator: 0xfe } as const;

/** Bytes of one READ BINARY of a type 4 tag. */
const CHUNK = 0xf0;

/**
 * Reads the NDEF message of a type 4 tag (a card with the NDEF application, such as a phone or an NTAG 424) or a type 2 tag
 * (MIFARE Ultralight, NTAG 21x).
 *
 * Use it in a transaction: another program's SELECT in between would change the file.
 *
 * @returns The records; none if the message is empty.
 * @throws {ContactlessError} CONTACTLESS_NO_NDEF: the card is no such tag, or not formatted; CONTACTLESS_MALFORMED.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export async function readNdef(card: ContactlessCard, options?: WaitOptions): Promise<NdefRecord[]> {
  const file = await readFile(card, options);
  const message = file ?? (await readPages(card, options));
  if (message === undefined) {
    throw new ContactlessError('CONTACTLESS_NO_NDEF', 'The card has no NDEF message');
  }
  return message.length === 0 ? [] : decodeNdef(message);
}

/** The message of a type 4 tag; undefined if the card has no NDEF application. */
async function readFile(card: ContactlessCard, options?: WaitOptions): Promise<Uint8Array | undefined> {
  const send = async (fields: { ins: number; p1: number; p2: number; data?: Uint8Array; ne?: number }) =>
    ResponseApdu.parse(await card.transmit(new CommandApdu({ cla: 0, ...fields }).encode(), options));
  const select = (file: number) =>
    send({ ins: 0xa4, p1: 0, p2: 0x0c, data: Uint8Array.of(file >> 8, file & 0xff) });
  const read = async (offset: number, length: number) => {
    const { ok, data, sw } = await send({ ins: 0xb0, p1: offset >> 8, p2: offset & 0xff, ne: length });
    if (!ok) throw new ContactlessError('CONTACTLESS_REFUSED', 'The card could not read its NDEF file', sw);
    if (data.length === 0) throw cutShort();
    return data;
  };

  const found = await send({ ins: 0xa4, p1: 4, p2: 0, data: NDEF_APPLICATION, ne: 256 });
  if (!found.ok || !(await select(CAPABILITY_FILE)).ok) return undefined;
  // Length, version, the longest read and write, then the control object: file, size and rights.
  const capabilities = await read(0, 15);
  const [tag, , high = 0, low = 0] = capabilities.subarray(7);
  if (tag !== NDEF_FILE_CONTROL) throw cutShort();
  const longest = Math.min(CHUNK, uint16(capabilities, 3));
  if (longest === 0 || !(await select((high << 8) | low)).ok) return undefined;
  const length = uint16(await read(0, 2), 0);
  const message = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const part = (await read(2 + at, Math.min(longest, length - at))).subarray(0, length - at);
    message.set(part, at);
    at += part.length;
  }
  return message;
}

/** The message of a type 2 tag; undefined if the card is none, or has none. */
async function readPages(card: ContactlessCard, options?: WaitOptions): Promise<Uint8Array | undefined> {
  const capabilities = await readBinary(card, CAPABILITY_PAGE, READ, options).catch((error) => {
    if (error instanceof ContactlessError) return undefined;
    throw error;
  });
  if (capabilities?.[0] !== NDEF_MAGIC) return undefined;
  const size = (capabilities[2] ?? 0) * 8;
  const memory = new Uint8Array(size);
  let filled = 0;
  /** The byte at a position, read when it is needed. */
  const byteAt = async (position: number): Promise<number> => {
    if (position >= size) throw cutShort();
    while (position >= filled) {
      const part = await readBinary(card, FIRST_DATA_PAGE + filled / PAGE, READ, options);
      if (part.length === 0 || part.length % PAGE !== 0) throw cutShort();
      memory.set(part.subarray(0, size - filled), filled);
      filled += part.length;
    }
    return memory[position] ?? 0;
  };
  for (let at = 0; at < size; ) {
    const tag = await byteAt(at);
    at += 1;
    if (tag === Tlv.Null) continue;
    if (tag === Tlv.Terminator) return undefined;
    let length = await byteAt(at);
    at += 1;
    if (length === 0xff) {
      length = ((await byteAt(at)) << 8) | (await byteAt(at + 1));
      at += 2;
    }
    if (length > 0) await byteAt(at + length - 1);
    if (tag === Tlv.Ndef) return memory.subarray(at, at + length);
    at += length;
  }
  return undefined;
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function cutShort(): ContactlessError {
  return new ContactlessError('CONTACTLESS_MALFORMED', 'The NDEF data of the card ends too early');
}
