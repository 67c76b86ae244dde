import type { KeyObject } from 'node:crypto';
import { encodeTlv, findTlv, fromHex, SW } from '../apdu/index.js';
import { type ApduCard, send, understand } from './command.js';
import { PivError } from './error.js';
import { ALGORITHM_ID, algorithmOf, type PivSlot, SLOTS } from './identifiers.js';

const GENERAL_AUTHENTICATE = 0x87;

/** Data objects of the dynamic authentication template (SP 800-73-4 part 2, table 7). */
const DYNAMIC_AUTHENTICATION = 0x7c;
const CHALLENGE = 0x81;
const RESPONSE = 0x82;

const SHA256_LENGTH = 32;
const RSA2048_LENGTH = 256;

/** The DER encoding of a SHA-256 DigestInfo up to the digest, from RFC 8017, 9.2, note 1. */
const SHA256_DIGEST_INFO = fromHex('30 31 30 0D 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20');

/**
 * Lets the card sign a SHA-256 digest with the key of a slot (GENERAL AUTHENTICATE, SP 800-73-4 part 2, 3.2.4 and
 * appendix A.3).
 *
 * @param digest - 32 bytes.
 * @param publicKey - The public key of the slot's certificate. It determines the algorithm.
 * @returns The signature as `crypto.verify('sha256', ...)` expects it: PKCS#1 v1.5 for RSA, a DER sequence for ECDSA.
 * @throws {PivError} PIV_PIN_REQUIRED, PIV_KEY_UNSUPPORTED, PIV_REFUSED or PIV_MALFORMED.
 * @throws {RangeError} The digest does not have 32 bytes.
 */
export async function sign(
  card: ApduCard,
  slot: PivSlot,
  digest: Uint8Array,
  publicKey: KeyObject,
): Promise<Uint8Array> {
  if (digest.length !== SHA256_LENGTH) {
    throw new RangeError(`A SHA-256 digest has 32 bytes, but ${digest.length} were given.`);
  }
  const algorithm = algorithmOf(publicKey);
  // An RSA card only performs the private key operation; the host pads the block.
  const challenge = algorithm === 'RSA2048' ? pkcs1Block(digest) : digest;
  const response = await send(card, {
    ins: GENERAL_AUTHENTICATE,
    p1: ALGORITHM_ID[algorithm],
    p2: SLOTS[slot].reference,
    data: encodeTlv(DYNAMIC_AUTHENTICATION, encodeTlv(RESPONSE), encodeTlv(CHALLENGE, challenge)),
    ne: 256,
  });
  if (response.sw === SW.SECURITY_STATUS_NOT_SATISFIED) {
    throw new PivError('PIV_PIN_REQUIRED', `The key of slot ${slot} requires the PIN to be verified first`, {
      statusWord: response.sw,
    });
  }
  if (!response.ok) {
    throw new PivError('PIV_REFUSED', `The card did not sign with the key of slot ${slot}`, {
      statusWord: response.sw,
    });
  }
  const signature = await understand('The answer to GENERAL AUTHENTICATE is not BER-TLV', () =>
    findTlv(response.data, DYNAMIC_AUTHENTICATION, RESPONSE),
  );
  if (signature === undefined || signature.length === 0) {
    throw new PivError('PIV_MALFORMED', 'The answer to GENERAL AUTHENTICATE holds no signature');
  }
  return new Uint8Array(signature);
}

/** EMSA-PKCS1-v1_5 (RFC 8017, 9.2): 00 01 FF...FF 00, then the DigestInfo. */
function pkcs1Block(digest: Uint8Array): Uint8Array {
  const block = new Uint8Array(RSA2048_LENGTH).fill(0xff);
  const end = RSA2048_LENGTH - SHA256_DIGEST_INFO.length - digest.length;
  block.set([0x00, 0x01]);
  block[end - 1] = 0x00;
  block.set(SHA256_DIGEST_INFO, end);
  block.set(digest, end + SHA256_DIGEST_INFO.length);
  return block;
}
