import { type InterfaceBytes, readInterfaceBytes } from './interface-bytes.js';

/**
 * What the check byte TCK is. It is required if the card names any protocol but T=0, T=15 included, and must not be
 * there otherwise (ISO/IEC 7816-3, 8.2.5). 'unused': it is correctly absent.
 */
export type CheckByte = 'right' | 'wrong' | 'missing' | 'unused';

/** A decoded answer to reset (ISO/IEC 7816-3, 8.2). */
export interface Atr extends InterfaceBytes {
  convention: 'direct' | 'inverse';
  /** The protocols that the card offers, in its order; T=0 if it names none. T=15 is no protocol. */
  protocols: string[];
  /** At most 15. `decodeHistoricalBytes` decodes them. */
  historicalBytes: Uint8Array;
  checkByte: CheckByte;
  /** Bytes after the end of the answer to reset, which some readers append. */
  trailingBytes: Uint8Array;
  /** True if the check byte is correct, or correctly absent. */
  valid: boolean;
}

const CONVENTIONS = new Map<number | undefined, Atr['convention']>([
  [0x3b, 'direct'],
  [0x3f, 'inverse'],
]);

/** TS and at most 32 characters (ISO/IEC 7816-3, 8.2.1). */
const MAX_ATR = 33;

/**
 * Decodes an answer to reset.
 *
 * @returns Undefined if the bytes are not an answer to reset. If only the check byte is wrong or missing, `valid` is
 *   false.
 */
export function parseAtr(bytes: Uint8Array): Atr | undefined {
  const convention = CONVENTIONS.get(bytes[0]);
  const format = bytes[1];
  if (convention === undefined || format === undefined || bytes.length > MAX_ATR) return undefined;
  const read = readInterfaceBytes(bytes);
  if (read === undefined) return undefined;
  const { end: start, named, ...interfaceBytes } = read;
  const end = start + (format & 0x0f);
  if (bytes.length < end) return undefined;
  const checkByte = named.some((protocol) => protocol !== 0) ? check(bytes, end) : 'unused';
  const hasCheckByte = checkByte === 'right' || checkByte === 'wrong';
  const protocols = named.filter((protocol) => protocol !== 15);
  return {
    convention,
    protocols: [...new Set(protocols.length > 0 ? protocols : [0])].map((protocol) => `T=${protocol}`),
    ...interfaceBytes,
    historicalBytes: bytes.subarray(start, end),
    checkByte,
    trailingBytes: bytes.subarray(hasCheckByte ? end + 1 : end),
    valid: checkByte === 'right' || checkByte === 'unused',
  };
}

/** The exclusive-or of all bytes from T0 to TCK is 0. */
function check(bytes: Uint8Array, at: number): CheckByte {
  if (bytes.length === at) return 'missing';
  const sum = bytes.subarray(1, at + 1).reduce((all, byte) => all ^ byte, 0);
  return sum === 0 ? 'right' : 'wrong';
}
