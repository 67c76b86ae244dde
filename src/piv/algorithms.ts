import type { KeyObject } from 'node:crypto';
import { PivError } from './error.js';

/**
 * The algorithm of a PIV key. SP 800-78-5 has RSA with 2048 and 3072 bits, and ECC on P-256 and P-384. RSA1024 is from
 * older editions. RSA4096 and Ed25519 are Yubico's (firmware 5.7).
 */
export type PivAlgorithm = 'RSA1024' | 'RSA2048' | 'RSA3072' | 'RSA4096' | 'P256' | 'P384' | 'Ed25519';

/** Algorithm identifiers (SP 800-78-5, table 11; RSA1024: SP 800-78-1; RSA4096, Ed25519: Yubico, PIV extensions). */
export const ALGORITHM_ID: Readonly<Record<PivAlgorithm, number>> = {
  RSA1024: 0x06,
  RSA2048: 0x07,
  RSA3072: 0x05,
  RSA4096: 0x16,
  P256: 0x11,
  P384: 0x14,
  Ed25519: 0xe0,
};

/** The names of all algorithms. */
export const ALGORITHMS = Object.keys(ALGORITHM_ID) as readonly PivAlgorithm[];

/** A curve of ECDSA and ECDH. */
export interface Curve {
  /** OpenSSL's name. */
  readonly name: 'prime256v1' | 'secp384r1';
  /** The name in a JSON Web Key. */
  readonly jwk: 'P-256' | 'P-384';
  /** Length of a coordinate, of a private key and of a shared secret, in bytes. */
  readonly bytes: number;
}

const CURVES: Partial<Record<PivAlgorithm, Curve>> = {
  P256: { name: 'prime256v1', jwk: 'P-256', bytes: 32 },
  P384: { name: 'secp384r1', jwk: 'P-384', bytes: 48 },
};

/** Returns the length of an RSA modulus in bits; undefined if the algorithm is not RSA. */
export function rsaBits(algorithm: PivAlgorithm): number | undefined {
  return algorithm.startsWith('RSA') ? Number(algorithm.slice('RSA'.length)) : undefined;
}

/** Returns the curve of ECDSA and ECDH; undefined if the algorithm has none. */
export function curveOf(algorithm: PivAlgorithm): Curve | undefined {
  return CURVES[algorithm];
}

/**
 * Returns the algorithm with this identifier.
 *
 * @returns Undefined if this library does not know the identifier.
 */
export function algorithmWithId(id: number | undefined): PivAlgorithm | undefined {
  return ALGORITHMS.find((algorithm) => ALGORITHM_ID[algorithm] === id);
}

/**
 * Returns the PIV algorithm of a public or private key.
 *
 * @throws {PivError} PIV_KEY_UNSUPPORTED: PIV has no such key.
 */
export function algorithmOf(key: KeyObject): PivAlgorithm {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  const found = ALGORITHMS.find((algorithm) => {
    if (key.asymmetricKeyType === 'rsa') return rsaBits(algorithm) === modulusLength;
    if (key.asymmetricKeyType === 'ec')
      return namedCurve !== undefined && curveOf(algorithm)?.name === namedCurve;
    return key.asymmetricKeyType === 'ed25519' && algorithm === 'Ed25519';
  });
  if (found !== undefined) return found;
  throw new PivError(
    'PIV_KEY_UNSUPPORTED',
    `A PIV key is of RSA with 1024, 2048, 3072 or 4096 bits, of EC on P-256 or P-384, or of Ed25519, and this one is of another kind (${kindOf(key)})`,
  );
}

/** Describes the kind of any key for people: `P256`, `ec secp521r1`, `dsa 1024`. */
export function describeKey(key: KeyObject): string {
  try {
    return algorithmOf(key);
  } catch {
    return kindOf(key);
  }
}

/**
 * Returns the hash that `signMessage` uses, in Node's words: SHA-384 for P-384 (SP 800-78-5, table 9), otherwise
 * SHA-256. Pass it to `crypto.verify`.
 *
 * @returns Null for Ed25519, which hashes the message itself.
 */
export function signatureHash(algorithm: PivAlgorithm): 'sha256' | 'sha384' | null {
  if (algorithm === 'Ed25519') return null;
  return algorithm === 'P384' ? 'sha384' : 'sha256';
}

function kindOf(key: KeyObject): string {
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return [key.asymmetricKeyType ?? 'secret', modulusLength ?? namedCurve].filter(Boolean).join(' ');
}
