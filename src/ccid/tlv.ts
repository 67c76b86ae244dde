import { CcidError } from './error.js';

/** One entry of a list of PC/SC part 10: a tag, a length and that many bytes. */
export interface TlvEntry {
  readonly tag: number;
  readonly value: Uint8Array;
}

/**
 * Decodes such a list. Tag and length are one byte each; this is not BER-TLV.
 *
 * @throws {CcidError} CCID_MALFORMED: an entry is cut short.
 */
export function decodeEntries(bytes: Uint8Array, what: string): TlvEntry[] {
  const entries: TlvEntry[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const [tag = 0, length] = bytes.subarray(offset, offset + 2);
    const start = offset + 2;
    if (length === undefined || start + length > bytes.length) {
      throw new CcidError('CCID_MALFORMED', `The reader's list of ${what} is cut short at offset ${offset}.`);
    }
    entries.push({ tag, value: bytes.subarray(start, start + length) });
    offset = start + length;
  }
  return entries;
}
