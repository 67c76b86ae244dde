import type { KeyObject } from 'node:crypto';
import { fromHex } from '../apdu/index.js';
import { PivError } from './error.js';

/** AID of the PIV card application without its version, so that it matches any version (SP 800-73-4 part 1, 2.2). */
export const PIV_AID = fromHex('A0 00 00 03 08 00 00 10 00');

/** Key reference of the PIV card application PIN (SP 800-73-4 part 1, table 4a). */
export const PIN_REFERENCE = 0x80;

/** Tag of the card holder unique identifier (SP 800-73-4 part 1, table 3). */
export const CHUID_TAG = 0x5fc102;

/** The keys of a PIV card, by key reference in hexadecimal (SP 800-73-4 part 1, table 4b). */
export type PivSlot = '9A' | '9C' | '9D' | '9E';

/** Key reference and tag of the certificate's data object (SP 800-73-4 part 1, tables 3 and 4b). */
export const SLOTS: Readonly<
  Record<PivSlot, { readonly reference: number; readonly certificateTag: number }>
> = {
  /** PIV authentication. */
  '9A': { reference: 0x9a, certificateTag: 0x5fc105 },
  /** Digital signature. */
  '9C': { reference: 0x9c, certificateTag: 0x5fc10a },
  /** Key management. */
  '9D': { reference: 0x9d, certificateTag: 0x5fc10b },
  /** Card authentication. */
  '9E': { reference: 0x9e, certificateTag: 0x5fc101 },
};

/** The algorithm of a PIV key: RSA with 2048 bits, or ECC on P-256 (SP 800-78-4). */
export type PivAlgorithm = 'RSA2048' | 'P256';

/** Algorithm identifiers (SP 800-78-4, table 6-2). */
export const ALGORITHM_ID: Readonly<Record<PivAlgorithm, number>> = { RSA2048: 0x07, P256: 0x11 };

/**
 * Returns the PIV algorithm of a key.
 *
 * @throws {PivError} PIV_KEY_UNSUPPORTED: the key is neither RSA with 2048 bits nor ECC on P-256.
 */
export function algorithmOf(key: KeyObject): PivAlgorithm {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  if (key.asymmetricKeyType === 'rsa' && modulusLength === 2048) return 'RSA2048';
  if (key.asymmetricKeyType === 'ec' && namedCurve === 'prime256v1') return 'P256';
  const kind = [key.asymmetricKeyType ?? 'secret', modulusLength ?? namedCurve].filter(Boolean).join(' ');
  throw new PivError(
    'PIV_KEY_UNSUPPORTED',
    `Only keys of RSA with 2048 bits and of EC on P-256 are supported, and this one is of another kind (${kind})`,
  );
}
