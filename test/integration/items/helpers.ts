import { randomBytes } from 'node:crypto';

/** An id that no other test's card has: the cache is shared by the process. */
export function newCard(): Uint8Array {
  return new Uint8Array(randomBytes(16));
}

export function item(size: number, value = 7): Uint8Array {
  return new Uint8Array(size).fill(value);
}
