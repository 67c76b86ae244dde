/** Public keys as PIV commands carry them (SP 800-73-5 part 2, table 9). */
import { createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { encodeTlv, findTlv } from '../apdu/index.js';
import { algorithmOf, curveOf, type PivAlgorithm, rsaBits } from './algorithms.js';

const MODULUS = 0x81;
const EXPONENT = 0x82;
const POINT = 0x86;

const UNCOMPRESSED = 0x04;

/** An EC public key as an uncompressed point: 04, x, y. */
export function encodePoint(publicKey: KeyObject): Uint8Array {
  const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
  return new Uint8Array([UNCOMPRESSED, ...fromBase64Url(x), ...fromBase64Url(y)]);
}

/**
 * Returns the key of an uncompressed point.
 *
 * @throws {Error} It is not a point of the curve.
 */
export function decodePoint(algorithm: PivAlgorithm, point: Uint8Array): KeyObject {
  const curve = curveOf(algorithm);
  if (curve === undefined || point[0] !== UNCOMPRESSED || point.length !== 1 + 2 * curve.bytes) {
    throw new Error(`${point.length} bytes are not an uncompressed point of ${algorithm}.`);
  }
  const x = toBase64Url(point.subarray(1, 1 + curve.bytes));
  const y = toBase64Url(point.subarray(1 + curve.bytes));
  return fromJwk({ kty: 'EC', crv: curve.jwk, x, y });
}

/** The data objects of a public key, without the template around them. */
export function encodePublicKey(publicKey: KeyObject): Uint8Array {
  const algorithm = algorithmOf(publicKey);
  const { n = '', e = '', x = '' } = publicKey.export({ format: 'jwk' });
  if (curveOf(algorithm) !== undefined) return encodeTlv(POINT, encodePoint(publicKey));
  if (rsaBits(algorithm) === undefined) return encodeTlv(POINT, fromBase64Url(x));
  return new Uint8Array([...encodeTlv(MODULUS, fromBase64Url(n)), ...encodeTlv(EXPONENT, fromBase64Url(e))]);
}

/**
 * Returns the key of these data objects.
 *
 * @throws {Error} They are not a key of this algorithm.
 * @throws {MalformedTlvError}
 */
export function decodePublicKey(algorithm: PivAlgorithm, objects: Uint8Array): KeyObject {
  const part = (tag: number) => findTlv(objects, tag) ?? new Uint8Array(0);
  const key = keyOf(algorithm, part);
  if (algorithmOf(key) !== algorithm) throw new Error(`It is not a key of ${algorithm}.`);
  return key;
}

function keyOf(algorithm: PivAlgorithm, part: (tag: number) => Uint8Array): KeyObject {
  if (rsaBits(algorithm) !== undefined) {
    return fromJwk({ kty: 'RSA', n: toBase64Url(part(MODULUS)), e: toBase64Url(part(EXPONENT)) });
  }
  if (curveOf(algorithm) !== undefined) return decodePoint(algorithm, part(POINT));
  return fromJwk({ kty: 'OKP', crv: 'Ed25519', x: toBase64Url(part(POINT)) });
}

function fromJwk(key: JsonWebKey): KeyObject {
  return createPublicKey({ key, format: 'jwk' });
}

function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}

function fromBase64Url(text: string): Uint8Array {
  return Buffer.from(text, 'base64url');
}
