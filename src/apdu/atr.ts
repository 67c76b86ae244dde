import { toHex } from './hex.js';

/** A decoded answer to reset (ISO/IEC 7816-3, 8.2). */
export interface Atr {
  convention: 'direct' | 'inverse';
  /** The protocols that the card offers, in its order; T=0 if it names none. */
  protocols: string[];
  /** At most 15. */
  historicalBytes: Uint8Array;
  /** True if the check byte is correct, or correctly absent. */
  valid: boolean;
}

const CONVENTIONS = new Map<number | undefined, Atr['convention']>([
  [0x3b, 'direct'],
  [0x3f, 'inverse'],
]);

/**
 * Decodes an answer to reset.
 *
 * @returns Undefined if the bytes are not an answer to reset. If only the check byte is wrong, `valid` is false.
 */
export function parseAtr(bytes: Uint8Array): Atr | undefined {
  const convention = CONVENTIONS.get(bytes[0]);
  const format = bytes[1];
  if (convention === undefined || format === undefined || bytes.length > 33) return undefined;
  const protocols: number[] = [];
  let at = 2;
  // TD(i) says which of TA, TB, TC and TD follow, and for which protocol.
  for (let indicator: number | undefined = format; indicator !== undefined; ) {
    const present: number = indicator >> 4;
    at += [1, 2, 4].filter((bit) => present & bit).length;
    if (!(present & 8)) break;
    indicator = bytes[at++];
    // 15 is no protocol: global interface bytes follow.
    if (indicator !== undefined && (indicator & 15) !== 15) protocols.push(indicator & 15);
  }
  const end = at + (format & 15);
  // There is a check byte if and only if something other than T=0 is offered.
  const checked = protocols.some((protocol) => protocol !== 0);
  if (bytes.length < end) return undefined;
  const sum = bytes.subarray(1).reduce((all, byte) => all ^ byte, 0);
  return {
    convention,
    protocols: [...new Set(protocols.length > 0 ? protocols : [0])].map((protocol) => `T=${protocol}`),
    historicalBytes: bytes.subarray(at, end),
    valid: checked ? bytes.length === end + 1 && sum === 0 : bytes.length === end,
  };
}

/**
 * Describes an answer to reset: `T=1, historical bytes 80 73 C0 01 C0`. Historical bytes that are text are shown as
 * text.
 */
export function describeAtr(bytes: Uint8Array): string {
  const atr = parseAtr(bytes);
  if (!atr) return 'not an answer to reset';
  const { historicalBytes: history } = atr;
  const isText = history.length > 2 && history.every((byte) => byte >= 0x20 && byte < 0x7f);
  const words = [atr.protocols.join(' and ')];
  if (atr.convention === 'inverse') words.push('inverse convention');
  if (history.length > 0) {
    words.push(isText ? `"${String.fromCharCode(...history)}"` : `historical bytes ${toHex(history, ' ')}`);
  }
  if (!atr.valid) words.push('wrong check byte');
  return words.join(', ');
}
