/** Category 80, then card capabilities: selection by full and partial AID, chaining, extended length. */
const CAPABILITIES = Uint8Array.of(0x80, 0x73, 0xc0, 0x01, 0xc0);

export interface AtrOptions {
  /** Protocols the card offers; default T=1 alone, which has extended length. */
  protocols?: readonly ('T=0' | 'T=1')[];
  /** At most 15 bytes; default says what the virtual card can do (ISO/IEC 7816-4, 12.1.1). */
  historicalBytes?: Uint8Array;
}

/**
 * An answer to reset (ISO/IEC 7816-3, 8.2).
 *
 * @throws {RangeError} No protocol is given, or more than 15 historical bytes.
 */
export function buildAtr(options: AtrOptions = {}): Uint8Array {
  const { protocols = ['T=1'], historicalBytes = CAPABILITIES } = options;
  if (protocols.length === 0) throw new RangeError('An ATR offers at least one protocol.');
  if (historicalBytes.length > 15) throw new RangeError('An ATR has at most 15 historical bytes.');
  // Both protocols are indicated in ascending order. T=1 adds TA (information field 254) and TB (waiting times).
  const t0 = protocols.includes('T=0');
  const t1 = protocols.includes('T=1');
  const interfaceBytes: number[] = [];
  if (t0) interfaceBytes.push(t1 ? 0x80 : 0x00);
  if (t1) interfaceBytes.push(...(t0 ? [0x31] : [0x81, 0x31]), 0xfe, 0x45);
  const bytes = [0x80 | historicalBytes.length, ...interfaceBytes, ...historicalBytes];
  // The check byte is there if and only if something other than T=0 is indicated.
  const check = t1 ? [bytes.reduce((sum, byte) => sum ^ byte, 0)] : [];
  return Uint8Array.of(0x3b, ...bytes, ...check);
}
