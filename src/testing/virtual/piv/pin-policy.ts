import type { PivSlot } from '../../../piv/index.js';

/** When a key asks for the PIN: never, once after a reset, or right before each use. */
export type PinPolicy = 'never' | 'once' | 'always';

/** SP 800-73-4 part 1, table 2. */
export const PIN_POLICY: Readonly<Record<PivSlot, PinPolicy>> = {
  '9A': 'once',
  '9C': 'always',
  '9D': 'once',
  '9E': 'never',
};
