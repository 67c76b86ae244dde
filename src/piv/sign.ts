import { createHash, type KeyObject } from 'node:crypto';
import {
  ALGORITHM_ID,
  algorithmOf,
  curveOf,
  type PivAlgorithm,
  rsaBits,
  signatureHash,
} from './algorithms.js';
import type { ApduCard } from './command.js';
import { Template, useKey } from './general-authenticate.js';
import type { PivSlot } from './identifiers.js';
import { DIGEST_LENGTHS, signatureBlock } from './rsa-padding.js';

/**
 * Lets the card sign a digest with the key of a slot (GENERAL AUTHENTICATE, SP 800-73-5 part 2, 3.2.4 and appendix
 * A.4). `signMessage` hashes a message first.
 *
 * @param digest - 32, 48 or 64 bytes: SHA-256, SHA-384 or SHA-512. For Ed25519, which hashes itself, it is the message;
 *   cards take about 3,000 bytes at most.
 * @param publicKey - The public key of the slot's certificate. It determines the algorithm.
 * @returns The signature as `crypto.verify` expects it: PKCS#1 v1.5 for RSA, a DER sequence for ECDSA, 64 bytes for
 *   Ed25519.
 * @throws {PivError} PIV_PIN_REQUIRED, PIV_KEY_UNSUPPORTED, PIV_REFUSED or PIV_MALFORMED.
 * @throws {RangeError} The digest has another length, or there is no such slot.
 */
export async function sign(
  card: ApduCard,
  slot: PivSlot,
  digest: Uint8Array,
  publicKey: KeyObject,
): Promise<Uint8Array> {
  const algorithm = algorithmOf(publicKey);
  const challenge = challengeOf(algorithm, digest);
  return useKey(card, slot, ALGORITHM_ID[algorithm], Template.CHALLENGE, challenge, 'sign');
}

/**
 * Lets the card sign a message with the key of a slot. The hash is `signatureHash` of the key's algorithm.
 *
 * @param publicKey - As for `sign`.
 * @returns As `sign`.
 * @throws {PivError} As `sign`.
 * @throws {RangeError} There is no such slot.
 */
export async function signMessage(
  card: ApduCard,
  slot: PivSlot,
  message: Uint8Array,
  publicKey: KeyObject,
): Promise<Uint8Array> {
  const hash = signatureHash(algorithmOf(publicKey));
  return sign(card, slot, hash === null ? message : createHash(hash).update(message).digest(), publicKey);
}

function challengeOf(algorithm: PivAlgorithm, digest: Uint8Array): Uint8Array {
  if (algorithm === 'Ed25519') return digest;
  if (!DIGEST_LENGTHS.includes(digest.length)) {
    throw new RangeError(
      `A digest has 32 bytes (SHA-256), 48 (SHA-384) or 64 (SHA-512), but ${digest.length} were given.`,
    );
  }
  const bits = rsaBits(algorithm);
  // An RSA card only performs the private key operation; the host pads the block.
  if (bits !== undefined) return signatureBlock(digest, bits / 8);
  // ECDSA uses the leftmost bits of a longer digest (FIPS 186-5, 6.4.1), and cards refuse the others.
  return digest.subarray(0, curveOf(algorithm)?.bytes);
}
