import type { KeyObject } from 'node:crypto';
import { ALGORITHM_ID, algorithmOf, curveOf, rsaBits } from './algorithms.js';
import type { ApduCard } from './command.js';
import { PivError } from './error.js';
import { Template, useKey } from './general-authenticate.js';
import type { PivSlot } from './identifiers.js';
import { encodePoint } from './public-key.js';
import { type OaepHash, unpadOaep, unpadPkcs1 } from './rsa-padding.js';

export interface DecryptOptions {
  /**
   * The padding of the encrypted block: PKCS#1 v1.5, OAEP (with the same hash for MGF1 and an empty label), or none,
   * which returns the whole block.
   *
   * @default 'pkcs1'
   */
  padding?: 'pkcs1' | 'oaep' | 'none';
  /**
   * The hash of OAEP.
   *
   * @default 'sha256'
   */
  oaepHash?: OaepHash;
}

/**
 * Lets the card decrypt with the RSA key of a slot, normally 9D (GENERAL AUTHENTICATE, SP 800-73-5 part 2, appendix
 * A.4). Do not report to a sender whether the padding was wrong: the answers would reveal the message.
 *
 * @param ciphertext - As long as the modulus.
 * @param publicKey - The public key of the slot's certificate. It determines the algorithm.
 * @returns The message. Wipe it after use.
 * @throws {PivError} PIV_PIN_REQUIRED, PIV_DECRYPTION_FAILED, PIV_REFUSED or PIV_MALFORMED. PIV_KEY_UNSUPPORTED: the
 *   key is not of RSA.
 * @throws {RangeError} `ciphertext` has another length than the modulus, or there is no such slot.
 */
export async function decrypt(
  card: ApduCard,
  slot: PivSlot,
  ciphertext: Uint8Array,
  publicKey: KeyObject,
  { padding = 'pkcs1', oaepHash = 'sha256' }: DecryptOptions = {},
): Promise<Uint8Array> {
  const algorithm = algorithmOf(publicKey);
  const bits = rsaBits(algorithm);
  if (bits === undefined) {
    throw new PivError(
      'PIV_KEY_UNSUPPORTED',
      `A key of ${algorithm} cannot decrypt; use deriveSecret with keys of EC`,
    );
  }
  if (ciphertext.length !== bits / 8) {
    throw new RangeError(`${algorithm} decrypts ${bits / 8} bytes, but ${ciphertext.length} were given.`);
  }
  const block = await useKey(card, slot, ALGORITHM_ID[algorithm], Template.CHALLENGE, ciphertext, 'decrypt');
  if (padding === 'none') return block;
  const message = padding === 'oaep' ? unpadOaep(block, oaepHash) : unpadPkcs1(block);
  block.fill(0);
  if (message !== undefined) return message;
  throw new PivError(
    'PIV_DECRYPTION_FAILED',
    'The decrypted block does not have the padding that was asked for: it was encrypted for another key, or in another way',
  );
}

/**
 * Lets the card agree on a secret with the EC key of a slot, normally 9D, by Diffie-Hellman (ECDH; GENERAL
 * AUTHENTICATE, SP 800-73-5 part 2, appendix A.5).
 *
 * @param publicKey - The other side's public key, on the curve of the slot's key.
 * @returns The shared secret: the x coordinate, 32 bytes for P-256 and 48 for P-384. Use a key derivation function on
 *   it, and wipe it.
 * @throws {PivError} PIV_PIN_REQUIRED or PIV_MALFORMED. PIV_REFUSED, if the slot's key is on another curve.
 *   PIV_KEY_UNSUPPORTED: the public key is not on P-256 or P-384.
 * @throws {RangeError} There is no such slot.
 */
export async function deriveSecret(card: ApduCard, slot: PivSlot, publicKey: KeyObject): Promise<Uint8Array> {
  const algorithm = algorithmOf(publicKey);
  if (curveOf(algorithm) === undefined) {
    throw new PivError('PIV_KEY_UNSUPPORTED', `A key of ${algorithm} cannot agree on a secret`);
  }
  const point = encodePoint(publicKey);
  return useKey(card, slot, ALGORITHM_ID[algorithm], Template.EXPONENTIATION, point, 'agree on a secret');
}
