import { timingSafeEqual } from 'node:crypto';

/** A PIN or PUK is 8 bytes in every command (SP 800-73-5 part 2, 2.4.3). */
export const REFERENCE_LENGTH = 8;

const PADDING = 0xff;

/** Outcome of a try: what the caller answers is for the command to say. */
export type Verification = 'verified' | 'wrong' | 'blocked';

/**
 * A PIN or PUK with its retry counter. Value and counter outlive a reset of the card, as they must;
 * the security status (`verified`) does not.
 */
export class ReferenceData {
  verified = false;
  #value: Uint8Array;
  #retriesLeft: number;

  constructor(
    value: Uint8Array,
    readonly retries: number,
  ) {
    if (!Number.isInteger(retries) || retries < 1 || retries > 15) {
      throw new RangeError(`A retry counter starts at 1 to 15, but ${retries} was given.`);
    }
    this.#value = value.slice();
    this.#retriesLeft = retries;
  }

  get retriesLeft(): number {
    return this.#retriesLeft;
  }

  get blocked(): boolean {
    return this.#retriesLeft === 0;
  }

  /** Compares in constant time, counts a wrong try, and sets the security status. */
  verify(candidate: Uint8Array): Verification {
    this.verified = false;
    if (this.blocked) return 'blocked';
    // Counted before the comparison, as cards do against a tear between the two.
    this.#retriesLeft -= 1;
    if (candidate.length !== this.#value.length || !timingSafeEqual(candidate, this.#value)) return 'wrong';
    this.#retriesLeft = this.retries;
    this.verified = true;
    return 'verified';
  }

  /** Sets a new value and the full number of tries. */
  replace(value: Uint8Array): void {
    this.#value.fill(0);
    this.#value = value.slice();
    this.#retriesLeft = this.retries;
  }
}

/** Whether these are 8 bytes as a PIN must have them: 6 to 8 ASCII digits, then FF. */
export function isPinBlock(block: Uint8Array): boolean {
  if (block.length !== REFERENCE_LENGTH) return false;
  const end = block.indexOf(PADDING);
  const digits = block.subarray(0, end === -1 ? REFERENCE_LENGTH : end);
  return (
    digits.length >= 6 &&
    digits.every((byte) => byte >= 0x30 && byte <= 0x39) &&
    block.subarray(digits.length).every((byte) => byte === PADDING)
  );
}

/**
 * A PIN as VERIFY carries it: ASCII, padded with FF to 8 bytes.
 *
 * @throws {RangeError} It is not 6 to 8 digits. The message does not repeat it.
 */
export function pinBlock(pin: string): Uint8Array {
  if (!/^\d{6,8}$/.test(pin)) throw new RangeError('A PIV PIN has 6 to 8 decimal digits.');
  return pad(pin);
}

/**
 * A PUK as RESET RETRY COUNTER carries it; unlike a PIN it may have any ASCII characters.
 *
 * @throws {RangeError} It is not 6 to 8 ASCII characters. The message does not repeat it.
 */
export function pukBlock(puk: string): Uint8Array {
  if (!/^[\x21-\x7e]{6,8}$/.test(puk)) throw new RangeError('A PIV PUK has 6 to 8 ASCII characters.');
  return pad(puk);
}

function pad(text: string): Uint8Array {
  const block = new Uint8Array(REFERENCE_LENGTH).fill(PADDING);
  for (let i = 0; i < text.length; i++) block[i] = text.charCodeAt(i);
  return block;
}
