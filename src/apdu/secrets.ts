import { toHex } from './hex.js';

/**
 * Instructions whose data field carries a PIN or a PUK (ISO/IEC 7816-4, 11.5): VERIFY, CHANGE REFERENCE DATA,
 * RESET RETRY COUNTER, and their odd forms with BER-TLV data.
 */
const SECRET_INSTRUCTIONS: ReadonlySet<number> = new Set([0x20, 0x21, 0x24, 0x25, 0x2c, 0x2d]);

/** What a masked byte shows in text. */
const MASK = '**';

/** Whether commands with this instruction byte carry a PIN or PUK in their data. */
export function isSecretInstruction(ins: number): boolean {
  return SECRET_INSTRUCTIONS.has(ins);
}

/** Whether the command APDU in `bytes` carries a PIN or PUK: to be wiped after use and never logged. */
export function carriesSecret(bytes: Uint8Array): boolean {
  return bytes.length > 5 && isSecretInstruction(bytes[1] ?? 0);
}

/** A copy fit for a log: with everything after the header of a secret command zeroed. */
export function maskSecrets(bytes: Uint8Array): Uint8Array {
  const copy = bytes.slice();
  if (carriesSecret(bytes)) copy.fill(0, 5);
  return copy;
}

/** A command APDU in hexadecimal for people, the bytes of a PIN shown as `**`. */
export function formatCommand(bytes: Uint8Array): string {
  if (!carriesSecret(bytes)) return toHex(bytes, ' ');
  return `${toHex(bytes.subarray(0, 5), ' ')} ${Array(bytes.length - 5)
    .fill(MASK)
    .join(' ')}`;
}
