import type { PivSlot } from '../../../piv/index.js';

/** When a key asks for the PIN: never, once after a reset, or right before each use. */
export type PinPolicy = 'never' | 'once' | 'always';

/** SP 800-73-5 part 1, table 2: of key management keys, the retired ones too, once. F9 attests without a PIN. */
export function pinPolicyOf(slot: PivSlot): PinPolicy {
  if (slot === '9C') return 'always';
  return slot === '9E' || slot === 'F9' ? 'never' : 'once';
}

/** The policy of a new key: Yubico's byte, or that of the slot. */
export function pinPolicyFor(slot: PivSlot, byte: number | undefined): PinPolicy {
  const chosen = ([undefined, 'never', 'once', 'always'] as const)[byte ?? 0];
  return chosen ?? pinPolicyOf(slot);
}
