/** Bytes that are not BER-TLV as ISO/IEC 7816-4, 5.2.2 has it; the message says what is wrong and where. */
export class MalformedTlvError extends Error {
  override readonly name = 'MalformedTlvError';
}

/** A data object. The tag is its bytes as one number, as the standards print it: 0x7E, 0x5F2F, 0x5FC105. */
export interface Tlv {
  readonly tag: number;
  /** A view of the decoded bytes. */
  readonly value: Uint8Array;
}

/**
 * One BER-TLV data object, definite length in its shortest form (so it is DER too). A list of parts becomes
 * their concatenation: `encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(0x81, challenge))`.
 *
 * @throws {RangeError} The tag is not a BER tag of 1 to 4 bytes.
 */
export function encodeTlv(tag: number, ...parts: Uint8Array[]): Uint8Array {
  const tagBytes = encodeTag(tag);
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const lengthBytes = encodeLength(length);
  const bytes = new Uint8Array(tagBytes.length + lengthBytes.length + length);
  bytes.set(tagBytes);
  bytes.set(lengthBytes, tagBytes.length);
  let offset = tagBytes.length + lengthBytes.length;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Options of `decodeTlv`. */
export interface DecodeTlvOptions {
  /**
   * Which bytes before, between and after data objects are padding. ISO/IEC 7816-4:1995, annex D, has 00 and FF; its
   * later editions and EMV have 00 only, so that a tag may begin with FF.
   * @default '00'
   */
  padding?: '00' | '00 and FF' | undefined;
}

/**
 * The data objects `bytes` consists of, one level deep: a constructed one's value can be decoded again.
 * Padding between objects is skipped.
 *
 * @throws {MalformedTlvError}
 */
export function decodeTlv(bytes: Uint8Array, { padding = '00' }: DecodeTlvOptions = {}): Tlv[] {
  const objects: Tlv[] = [];
  let offset = 0;
  while (offset < bytes.length) {
    if (bytes[offset] === 0x00 || (bytes[offset] === 0xff && padding === '00 and FF')) {
      offset += 1;
      continue;
    }
    const start = offset;
    const tag = readTag(bytes, offset);
    const length = readLength(bytes, offset + tag.size);
    offset += tag.size + length.size;
    const end = offset + length.value;
    if (end > bytes.length) {
      throw new MalformedTlvError(
        `The data object at offset ${start} announces ${length.value} bytes, but ${bytes.length - offset} follow.`,
      );
    }
    objects.push({ tag: tag.value, value: bytes.subarray(offset, end) });
    offset = end;
  }
  return objects;
}

/**
 * The value found by following `path` down through constructed objects, or undefined when a tag of it is
 * not there: `findTlv(response, 0x7c, 0x82)`.
 *
 * @throws {MalformedTlvError}
 */
export function findTlv(bytes: Uint8Array, ...path: number[]): Uint8Array | undefined {
  let value: Uint8Array | undefined = bytes;
  for (const tag of path) {
    value = decodeTlv(value).find((object) => object.tag === tag)?.value;
    if (value === undefined) return undefined;
  }
  return value;
}

function encodeTag(tag: number): number[] {
  const bytes: number[] = [];
  // Infinity would never get less.
  if (Number.isSafeInteger(tag)) {
    for (let rest = tag; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
  }
  const [first = 0, ...more] = bytes;
  const long = (first & 0x1f) === 0x1f;
  const wellFormed =
    bytes.length >= 1 &&
    bytes.length <= 4 &&
    long === more.length > 0 &&
    more.every((byte, i) => byte >= 0x80 === i < more.length - 1);
  if (!wellFormed)
    throw new RangeError(`${tag.toString(16).toUpperCase()} is not a BER tag of 1 to 4 bytes.`);
  return bytes;
}

function encodeLength(length: number): number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100);
  return [0x80 | bytes.length, ...bytes];
}

interface Field {
  value: number;
  size: number;
}

function readTag(bytes: Uint8Array, offset: number): Field {
  let value = bytes[offset] ?? 0;
  let size = 1;
  if ((value & 0x1f) !== 0x1f) return { value, size };
  let byte: number | undefined;
  do {
    byte = bytes[offset + size];
    if (byte === undefined) throw new MalformedTlvError(`The tag at offset ${offset} is cut short.`);
    value = value * 0x100 + byte;
    size += 1;
    if (size > 4) throw new MalformedTlvError(`The tag at offset ${offset} is longer than 4 bytes.`);
  } while (byte >= 0x80);
  return { value, size };
}

function readLength(bytes: Uint8Array, offset: number): Field {
  const first = bytes[offset];
  if (first === undefined) throw new MalformedTlvError(`The length at offset ${offset} is missing.`);
  if (first < 0x80) return { value: first, size: 1 };
  const octets = first & 0x7f;
  if (octets === 0) {
    throw new MalformedTlvError(`The length at offset ${offset} is indefinite, which cards do not use.`);
  }
  if (octets > 4) throw new MalformedTlvError(`The length at offset ${offset} takes more than 4 bytes.`);
  if (offset + 1 + octets > bytes.length) {
    throw new MalformedTlvError(`The length at offset ${offset} is cut short.`);
  }
  let value = 0;
  for (const byte of bytes.subarray(offset + 1, offset + 1 + octets)) value = value * 0x100 + byte;
  return { value, size: 1 + octets };
}
