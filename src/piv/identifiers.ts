import { fromHex } from '../apdu/index.js';

/** AID of the PIV card application without its version, so that it matches any version (SP 800-73-5 part 1, 2.2). */
export const PIV_AID: Uint8Array = fromHex('A0 00 00 03 08 00 00 10 00');

/** Tags of data objects (SP 800-73-5 part 1, table 3). */
export const CHUID_TAG = 0x5fc102;
export const DISCOVERY_TAG = 0x7e;

/** Key reference of the card management key (SP 800-73-5 part 1, table 6). */
export const MANAGEMENT_KEY_REFERENCE = 0x9b;

/** The four keys that a cardholder uses (SP 800-73-5 part 1, table 6). */
export type CurrentSlot = '9A' | '9C' | '9D' | '9E';

/** Places for retired key management keys. */
export type RetiredSlot =
  | `8${2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 'A' | 'B' | 'C' | 'D' | 'E' | 'F'}`
  | `9${0 | 1 | 2 | 3 | 4 | 5}`;

/**
 * The keys of a PIV card, by key reference in hexadecimal: 9A PIV authentication, 9C digital signature, 9D key
 * management, 9E card authentication, 82 to 95 retired key management keys, F9 attestation (Yubico).
 */
export type PivSlot = CurrentSlot | RetiredSlot | 'F9';

/** Where a key and its certificate are. */
export interface SlotFacts {
  /** Key reference (SP 800-73-5 part 1, table 6). */
  readonly reference: number;
  /** Tag of the certificate's data object (SP 800-73-5 part 1, table 3). */
  readonly certificateTag: number;
}

const RETIRED = { first: 0x82, last: 0x95, firstTag: 0x5fc10d };

/** Key reference and tag of the certificate's data object, by slot. */
export const SLOTS: Readonly<Record<PivSlot, SlotFacts>> = {
  '9A': { reference: 0x9a, certificateTag: 0x5fc105 },
  '9C': { reference: 0x9c, certificateTag: 0x5fc10a },
  '9D': { reference: 0x9d, certificateTag: 0x5fc10b },
  '9E': { reference: 0x9e, certificateTag: 0x5fc101 },
  ...retiredSlots(),
  F9: { reference: 0xf9, certificateTag: 0x5fff01 },
};

/**
 * Returns key reference and tag of a slot.
 *
 * @throws {RangeError} There is no such slot.
 */
export function slotFacts(slot: PivSlot): SlotFacts {
  // A caller without types may pass anything, such as "constructor".
  if (Object.hasOwn(SLOTS, slot)) return SLOTS[slot];
  throw new RangeError(`PIV has no slot ${String(slot)}; the slots are 9A, 9C, 9D, 9E, 82 to 95, and F9.`);
}

function retiredSlots(): Record<RetiredSlot, SlotFacts> {
  const { first, last, firstTag } = RETIRED;
  const references = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  return Object.fromEntries(
    references.map((reference) => [
      reference.toString(16).toUpperCase(),
      { reference, certificateTag: firstTag + reference - first },
    ]),
  ) as Record<RetiredSlot, SlotFacts>;
}
