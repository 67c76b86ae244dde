import { type PivSlot, SLOTS } from '../../../piv/index.js';

const NAMES = new Map(Object.entries(SLOTS).map(([name, { reference }]) => [reference, name as PivSlot]));

/** The slot with this key reference. */
export function slotWith(reference: number): PivSlot | undefined {
  return NAMES.get(reference);
}
