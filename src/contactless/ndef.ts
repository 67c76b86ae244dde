import { ContactlessError } from './error.js';

/** The meaning of a record's type (NFC Forum, NDEF 1.0, 3.2.6). */
export const Tnf = {
  Empty: 0,
  /** A type of the NFC Forum: `T` is text, `U` is a URI, `Sp` is a smart poster. */
  WellKnown: 1,
  /** A media type, such as `text/vcard`. */
  Media: 2,
  /** A URI. */
  Absolute: 3,
  /** A type of its own, such as `android.com:pkg`. */
  External: 4,
  Unknown: 5,
} as const;

/** A record of an NDEF message. */
export interface NdefRecord {
  /** One of `Tnf`. */
  tnf: number;
  /** The type, for example `T`. */
  type: string;
  /** Empty if the record has none. */
  id: string;
  payload: Uint8Array;
}

/** Bits of a record's first byte. */
const MESSAGE_END = 0x40;
const CHUNKED = 0x20;
const SHORT = 0x10;
const HAS_ID = 0x08;
const TNF = 0x07;
/** The type of the chunks of a record after its first. */
const UNCHANGED = 6;

/** The beginnings of URIs that one byte stands for (NFC Forum, URI record type definition, 3.2.2). */
const URI_PREFIXES = [
  ...['', 'http://www.', 'https://www.', 'http://', 'https://', 'tel:', 'mailto:'],
  ...['ftp://anonymous:anonymous@', 'ftp://ftp.', 'ftps://', 'sftp://', 'smb://', 'nfs://', 'ftp://'],
  ...['dav://', 'news:', 'telnet://', 'imap:', 'rtsp://', 'urn:', 'pop:', 'sip:', 'sips:', 'tftp:'],
  ...['btspp://', 'btl2cap://', 'btgoep://', 'tcpobex://', 'irdaobex://', 'file://', 'urn:epc:id:'],
  ...['urn:epc:tag:', 'urn:epc:pat:', 'urn:epc:raw:', 'urn:epc:', 'urn:nfc:'],
];

/**
 * Decodes an NDEF message (NFC Forum, NDEF 1.0). The chunks of a record are put together.
 *
 * @returns The records. The payloads are views of `message`, except those of chunked records.
 * @throws {ContactlessError} CONTACTLESS_MALFORMED.
 */
export function decodeNdef(message: Uint8Array): NdefRecord[] {
  const records: NdefRecord[] = [];
  let chunks: Uint8Array[] = [];
  const reader = new Reader(message);
  for (let flags = 0; (flags & MESSAGE_END) === 0; ) {
    flags = reader.byte();
    const typeLength = reader.byte();
    const payloadLength = flags & SHORT ? reader.byte() : reader.uint32();
    const idLength = flags & HAS_ID ? reader.byte() : 0;
    const type = ascii(reader.take(typeLength));
    const id = ascii(reader.take(idLength));
    const payload = reader.take(payloadLength);
    const last = records.at(-1);
    if ((flags & TNF) !== UNCHANGED) records.push({ tnf: flags & TNF, type, id, payload });
    else if (chunks.length === 0 || last === undefined) throw malformed('A chunk follows no record');
    chunks = flags & CHUNKED || (flags & TNF) === UNCHANGED ? [...chunks, payload] : [];
    const whole = records.at(-1);
    if (whole !== undefined && (flags & CHUNKED) === 0 && chunks.length > 0) {
      whole.payload = Buffer.concat(chunks);
      chunks = [];
    }
  }
  return records;
}

/** The text of a record of the type `T` (NFC Forum, Text record type definition); undefined for another record. */
export function textOf(record: NdefRecord): string | undefined {
  if (record.tnf !== Tnf.WellKnown || record.type !== 'T') return undefined;
  const [status = 0] = record.payload;
  const text = record.payload.subarray(1 + (status & 0x3f));
  if ((status & 0x80) === 0) return new TextDecoder().decode(text);
  return new TextDecoder('utf-16be').decode(text);
}

/** The URI of a record of the type `U` (NFC Forum, URI record type definition); undefined for another record. */
export function uriOf(record: NdefRecord): string | undefined {
  if (record.tnf === Tnf.Absolute) return record.type;
  if (record.tnf !== Tnf.WellKnown || record.type !== 'U') return undefined;
  const [prefix = 0] = record.payload;
  return (URI_PREFIXES[prefix] ?? '') + new TextDecoder().decode(record.payload.subarray(1));
}

class Reader {
  #at = 0;
  constructor(readonly bytes: Uint8Array) {}

  byte(): number {
    return this.take(1)[0] ?? 0;
  }

  uint32(): number {
    return this.take(4).reduce((number, byte) => number * 256 + byte, 0);
  }

  take(length: number): Uint8Array {
    const end = this.#at + length;
    if (end > this.bytes.length) throw malformed('The message is cut short');
    const part = this.bytes.subarray(this.#at, end);
    this.#at = end;
    return part;
  }
}

function malformed(what: string): ContactlessError {
  return new ContactlessError('CONTACTLESS_MALFORMED', `The NDEF message is not valid. ${what}`);
}

function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}
