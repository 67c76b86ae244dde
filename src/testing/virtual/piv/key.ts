import {
  createPublicKey,
  constants as cryptoConstants,
  diffieHellman,
  generateKeyPair,
  type KeyObject,
  privateEncrypt,
  sign,
} from 'node:crypto';
import { promisify } from 'node:util';
import { SW } from '../../../apdu/index.js';
import { algorithmOf, curveOf, type PivAlgorithm, rsaBits } from '../../../piv/algorithms.js';
import { PivError } from '../../../piv/index.js';
import { decodePoint } from '../../../piv/public-key.js';
import { StatusWordError } from '../applet.js';
import { signDigest } from './ecdsa.js';

const generate = promisify(generateKeyPair);

/** Longest digest of ECDSA, in bytes. */
const MAX_DIGEST = 64;
/** Longest message of Ed25519, in bytes, as YubiKeys have it. */
const MAX_MESSAGE = 3000;

/** A private key on the card, with the operations GENERAL AUTHENTICATE makes with it. */
export class PivKey {
  readonly publicKey: KeyObject;

  private constructor(
    readonly algorithm: PivAlgorithm,
    readonly privateKey: KeyObject,
    /** Made on the card, so that the card may attest it. */
    readonly generated: boolean,
  ) {
    this.publicKey = createPublicKey(privateKey);
  }

  /** A new key, made off the event loop: EC in about a millisecond, RSA 2048 in 100 ms, RSA 4096 in seconds. */
  static async generate(algorithm: PivAlgorithm): Promise<PivKey> {
    const bits = rsaBits(algorithm);
    const curve = curveOf(algorithm);
    const { privateKey } =
      bits !== undefined
        ? await generate('rsa', { modulusLength: bits })
        : curve !== undefined
          ? await generate('ec', { namedCurve: curve.name })
          : await generate('ed25519');
    return new PivKey(algorithm, privateKey, true);
  }

  /**
   * A key made elsewhere, e.g. one RSA key for a hundred test cards.
   *
   * @throws {TypeError} It is no private key, or of no kind that PIV has.
   */
  static from(privateKey: KeyObject): PivKey {
    try {
      if (privateKey.type === 'private') return new PivKey(algorithmOf(privateKey), privateKey, false);
    } catch (error) {
      if (!(error instanceof PivError)) throw error;
    }
    throw new TypeError(
      'A PIV key is a private key of RSA with 1024, 2048, 3072 or 4096 bits, of EC on P-256 or P-384, or of Ed25519.',
    );
  }

  /**
   * Answers a challenge. RSA: the private key operation on the block as it is, which the host has padded. EC: an
   * ECDSA signature of the digest, DER encoded. Ed25519: a signature of the message (SP 800-73-5 part 2, 3.2.4 and
   * appendix A; Yubico).
   *
   * Node offers neither a raw RSA operation nor a signature of a ready digest off the event loop. For RSA 2048 and EC
   * they take 0.25 ms and less than 0.1 ms of it: not worth a thread.
   *
   * @throws {StatusWordError} 6A80: the challenge has the wrong length or is not below the modulus.
   */
  sign(challenge: Uint8Array): Uint8Array {
    const curve = curveOf(this.algorithm);
    const bits = rsaBits(this.algorithm);
    const longest = bits !== undefined ? bits / 8 : curve ? MAX_DIGEST : MAX_MESSAGE;
    if (challenge.length > longest) throw new StatusWordError(SW.WRONG_DATA);
    if (bits !== undefined && challenge.length < longest) throw new StatusWordError(SW.WRONG_DATA);
    if (curve !== undefined) {
      if (challenge.length === 0) throw new StatusWordError(SW.WRONG_DATA);
      return signDigest(this.privateKey, curve, challenge);
    }
    if (bits === undefined) return sign(null, challenge, this.privateKey);
    try {
      return privateEncrypt({ key: this.privateKey, padding: cryptoConstants.RSA_NO_PADDING }, challenge);
    } catch {
      throw new StatusWordError(SW.WRONG_DATA);
    }
  }

  /**
   * The shared secret with the host's public point (uncompressed), by ECDH.
   *
   * @throws {StatusWordError} 6A80: not a point of the curve, or the key is not on one.
   */
  agree(point: Uint8Array): Uint8Array {
    try {
      return diffieHellman({ privateKey: this.privateKey, publicKey: decodePoint(this.algorithm, point) });
    } catch {
      throw new StatusWordError(SW.WRONG_DATA);
    }
  }
}
