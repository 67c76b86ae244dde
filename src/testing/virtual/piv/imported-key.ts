/** Private keys as IMPORT ASYMMETRIC KEY (Yubico) carries them. */
import {
  createECDH,
  createPrivateKey,
  type JsonWebKey,
  type JsonWebKeyInput,
  type PrivateKeyInput,
} from 'node:crypto';
import { fromHex, SW } from '../../../apdu/index.js';
import { curveOf, type PivAlgorithm, rsaBits } from '../../../piv/algorithms.js';
import { StatusWordError } from '../applet.js';
import { inverse, toBigInt } from './ecdsa.js';
import { PivKey } from './key.js';

/** p, q, dP, dQ, qInv. */
const RSA_PARTS = [0x01, 0x02, 0x03, 0x04, 0x05];
const EC_SCALAR = 0x06;
const ED25519_SEED = 0x07;

const PUBLIC_EXPONENT = 65_537n;
/** OneAsymmetricKey of Ed25519, up to the seed (RFC 8410, 7). */
const ED25519_PKCS8 = fromHex('30 2E 02 01 00 30 05 06 03 2B 65 70 04 22 04 20');

/** @throws {StatusWordError} 6A80: it is not a key of this algorithm. */
export function importedKey(algorithm: PivAlgorithm, parts: ReadonlyMap<number, Uint8Array>): PivKey {
  try {
    const key = PivKey.from(createPrivateKey(privateKey(algorithm, parts)));
    if (key.algorithm === algorithm) return key;
  } catch {
    // OpenSSL has a reason, but a card would not give it.
  }
  throw new StatusWordError(SW.WRONG_DATA);
}

function privateKey(
  algorithm: PivAlgorithm,
  parts: ReadonlyMap<number, Uint8Array>,
): PrivateKeyInput | JsonWebKeyInput {
  const part = (tag: number) => parts.get(tag) ?? new Uint8Array(0);
  if (rsaBits(algorithm) !== undefined) return { format: 'jwk', key: rsaKey(RSA_PARTS.map(part)) };
  const curve = curveOf(algorithm);
  if (curve === undefined) {
    const key = Buffer.concat([ED25519_PKCS8, part(ED25519_SEED)]);
    return { format: 'der', type: 'pkcs8', key };
  }
  const scalar = part(EC_SCALAR);
  const pair = createECDH(curve.name);
  pair.setPrivateKey(scalar);
  const point = pair.getPublicKey();
  const x = base64url(point.subarray(1, 1 + curve.bytes));
  const y = base64url(point.subarray(1 + curve.bytes));
  return { format: 'jwk', key: { kty: 'EC', crv: curve.jwk, x, y, d: base64url(scalar) } };
}

/** The command carries neither modulus nor exponents: the public one is always 65537. */
function rsaKey([p, q, dp, dq, qi]: Uint8Array[]): JsonWebKey {
  const [one, other] = [toBigInt(p ?? new Uint8Array(0)), toBigInt(q ?? new Uint8Array(0))];
  const d = inverse(PUBLIC_EXPONENT, (one - 1n) * (other - 1n));
  return {
    kty: 'RSA',
    n: base64url(fromBigInt(one * other)),
    e: base64url(fromBigInt(PUBLIC_EXPONENT)),
    d: base64url(fromBigInt(d)),
    p: base64url(p),
    q: base64url(q),
    dp: base64url(dp),
    dq: base64url(dq),
    qi: base64url(qi),
  };
}

function fromBigInt(value: bigint): Uint8Array {
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex');
}

function base64url(bytes: Uint8Array = new Uint8Array(0)): string {
  return Buffer.from(bytes).toString('base64url');
}
