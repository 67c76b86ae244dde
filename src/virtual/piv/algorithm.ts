/** Key types a virtual PIV card can have. */
export type PivAlgorithm = 'RSA2048' | 'P256';

/** Algorithm identifiers (SP 800-78-4, table 6-2), P1 of GENERAL AUTHENTICATE. */
export const ALGORITHM_ID: Readonly<Record<PivAlgorithm, number>> = { RSA2048: 0x07, P256: 0x11 };

/** The four keys of a PIV card, by key reference in hexadecimal (SP 800-73-4 part 1, table 4b). */
export type PivSlot = '9A' | '9C' | '9D' | '9E';

export interface SlotRules {
  /** Key reference, P2 of GENERAL AUTHENTICATE. */
  readonly reference: number;
  /** Tag of the certificate's data object. */
  readonly certificateTag: number;
  /** When the PIN is asked for: never, once after a reset, or right before each use. */
  readonly pin: 'never' | 'once' | 'always';
}

export const SLOTS: Readonly<Record<PivSlot, SlotRules>> = {
  /** PIV authentication. */
  '9A': { reference: 0x9a, certificateTag: 0x5fc105, pin: 'once' },
  /** Digital signature. */
  '9C': { reference: 0x9c, certificateTag: 0x5fc10a, pin: 'always' },
  /** Key management. */
  '9D': { reference: 0x9d, certificateTag: 0x5fc10b, pin: 'once' },
  /** Card authentication. */
  '9E': { reference: 0x9e, certificateTag: 0x5fc101, pin: 'never' },
};
