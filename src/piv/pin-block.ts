/** PINs and PUKs as commands carry them: 8 bytes, padded with FF (SP 800-73-5 part 2, 2.4.3). */
import { PivPinError } from './error.js';

const BLOCK_LENGTH = 8;
const MIN_LENGTH = 6;
const PADDING = 0xff;

/**
 * The standard requires decimal digits, but some real cards are issued with other characters, so the card decides.
 *
 * @param name - The name for errors: `new PIN`.
 * @throws {PivPinError} PIV_PIN_MALFORMED
 */
export function pinBlock(pin: string | Uint8Array, name = 'PIN'): Uint8Array {
  const block = padded(pin);
  if (block !== undefined) return block;
  throw new PivPinError('PIV_PIN_MALFORMED', `A ${name} has 6 to 8 digits`, undefined);
}

/**
 * A PUK may have any characters, or be 8 bytes of any value.
 *
 * @param name - The name for errors: `new PUK`.
 * @throws {PivPinError} PIV_PUK_MALFORMED
 */
export function pukBlock(puk: string | Uint8Array, name = 'PUK'): Uint8Array {
  const block = typeof puk !== 'string' && puk.length === BLOCK_LENGTH ? copyOf(puk) : padded(puk);
  if (block !== undefined) return block;
  throw new PivPinError('PIV_PUK_MALFORMED', `A ${name} has 6 to 8 characters`, undefined);
}

/** Undefined if it has another length, or a character that ASCII lacks. */
function padded(secret: string | Uint8Array): Uint8Array | undefined {
  const block = emptyBlock();
  let length = secret.length;
  if (typeof secret !== 'string') while (length > MIN_LENGTH && secret[length - 1] === PADDING) length -= 1;
  let fits = secret.length <= BLOCK_LENGTH && length >= MIN_LENGTH;
  for (let i = 0; fits && i < length; i++) {
    const byte = typeof secret === 'string' ? secret.charCodeAt(i) : (secret[i] ?? 0);
    fits = byte >= 0x20 && byte <= 0x7e;
    block[i] = byte;
  }
  if (fits) return block;
  block.fill(0);
  return undefined;
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const block = emptyBlock();
  block.set(bytes);
  return block;
}

/** V8 does not move a buffer of its own, so wiping it leaves no copy. */
function emptyBlock(): Uint8Array {
  return new Uint8Array(new ArrayBuffer(BLOCK_LENGTH)).fill(PADDING);
}
