import {
  createPublicKey,
  constants as cryptoConstants,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  privateEncrypt,
} from 'node:crypto';
import { promisify } from 'node:util';
import { SW } from '../../../apdu/index.js';
import type { PivAlgorithm } from '../../../piv/index.js';
import { StatusWordError } from '../applet.js';
import { signDigestP256 } from './ecdsa.js';

const generate = promisify(generateKeyPair);

const RSA_BITS = 2048;
const P256_POINT_LENGTH = 65;

/** A private key on the card, with the operations GENERAL AUTHENTICATE makes with it. */
export class PivKey {
  readonly publicKey: KeyObject;

  private constructor(
    readonly algorithm: PivAlgorithm,
    readonly privateKey: KeyObject,
  ) {
    this.publicKey = createPublicKey(privateKey);
  }

  /** A new key, made off the event loop: P-256 in well under a millisecond, RSA 2048 in about 100 ms. */
  static async generate(algorithm: PivAlgorithm): Promise<PivKey> {
    const { privateKey } =
      algorithm === 'RSA2048'
        ? await generate('rsa', { modulusLength: RSA_BITS })
        : await generate('ec', { namedCurve: 'P-256' });
    return new PivKey(algorithm, privateKey);
  }

  /**
   * A key made elsewhere, e.g. one RSA key for a hundred test cards.
   *
   * @throws {TypeError} It is neither a private RSA key of 2048 bits nor one on P-256.
   */
  static from(privateKey: KeyObject): PivKey {
    const { modulusLength, namedCurve } = privateKey.asymmetricKeyDetails ?? {};
    const type = privateKey.type === 'private' ? privateKey.asymmetricKeyType : undefined;
    if (type === 'rsa' && modulusLength === RSA_BITS) return new PivKey('RSA2048', privateKey);
    if (type === 'ec' && namedCurve === 'prime256v1') return new PivKey('P256', privateKey);
    throw new TypeError('A PIV key here is a private key, either RSA with 2048 bits or EC on P-256.');
  }

  /**
   * Answers a challenge. RSA: the private key operation on the block as it is, which the host has padded.
   * P-256: an ECDSA signature of the digest, DER encoded (SP 800-73-4 part 2, 3.2.4 and appendix A).
   *
   * Node offers neither a raw RSA operation nor a signature of a ready digest off the event loop. Here they
   * take 0.25 ms and less than 0.1 ms of it: not worth a thread.
   *
   * @throws {StatusWordError} 6A80: the challenge has the wrong length or is not below the modulus.
   */
  sign(challenge: Uint8Array): Uint8Array {
    if (this.algorithm === 'P256') {
      if (challenge.length === 0 || challenge.length > 64) throw new StatusWordError(SW.WRONG_DATA);
      return signDigestP256(this.privateKey, challenge);
    }
    if (challenge.length !== RSA_BITS / 8) throw new StatusWordError(SW.WRONG_DATA);
    try {
      return privateEncrypt({ key: this.privateKey, padding: cryptoConstants.RSA_NO_PADDING }, challenge);
    } catch {
      throw new StatusWordError(SW.WRONG_DATA);
    }
  }

  /**
   * The shared secret with the host's public point (uncompressed), by ECDH.
   *
   * @throws {StatusWordError} 6A80: not a point of the curve, or the key is not on it.
   */
  agree(point: Uint8Array): Uint8Array {
    if (this.algorithm !== 'P256' || point.length !== P256_POINT_LENGTH) {
      throw new StatusWordError(SW.WRONG_DATA);
    }
    try {
      return diffieHellman({ privateKey: this.privateKey, publicKey: publicKeyFromPoint(point) });
    } catch {
      throw new StatusWordError(SW.WRONG_DATA);
    }
  }
}

function publicKeyFromPoint(point: Uint8Array): KeyObject {
  const base64url = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64url');
  const [x, y] = [base64url(point.subarray(1, 33)), base64url(point.subarray(33))];
  return createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
}
