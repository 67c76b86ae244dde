const PAIR = /^(?:[0-9a-f]{2})*$/i;

/** Upper-case hexadecimal; `separator` goes between bytes. */
export function toHex(bytes: Uint8Array, separator = ''): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0').toUpperCase()).join(separator);
}

/**
 * Bytes from hexadecimal text; white space and colons between bytes are allowed.
 *
 * @throws {TypeError} The text holds something else, or an odd number of digits.
 */
export function fromHex(text: string): Uint8Array {
  const digits = text.replace(/[\s:]+/g, '');
  if (!PAIR.test(digits)) throw new TypeError('Hexadecimal text must be pairs of the digits 0-9 and A-F.');
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
