import { createECDH, type KeyObject } from 'node:crypto';
import { Integer, Sequence } from 'asn1js';
import type { Curve } from '../../../piv/algorithms.js';

/** Orders of the groups (SP 800-186, 3.2.1.3 and 3.2.1.4). */
const ORDER: Readonly<Record<Curve['name'], bigint>> = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp384r1:
    0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n,
};

/**
 * ECDSA over a digest the host has made (FIPS 186-5, 6.4.1), DER encoded. Node's `sign` always hashes, so the
 * arithmetic modulo the group order is done here; the scalar multiplication is OpenSSL's. BigInt arithmetic is
 * not constant-time: good for a virtual card, not for a key worth protecting.
 */
export function signDigest(privateKey: KeyObject, { name, bytes }: Curve, digest: Uint8Array): Uint8Array {
  const order = ORDER[name];
  const { d: scalar } = privateKey.export({ format: 'jwk' });
  if (scalar === undefined) throw new TypeError('An ECDSA signature needs a private EC key.');
  const d = toBigInt(Buffer.from(scalar, 'base64url'));
  // The leftmost bits of a longer digest.
  const e = toBigInt(digest.subarray(0, bytes)) % order;
  for (;;) {
    const ephemeral = createECDH(name);
    const point = ephemeral.generateKeys();
    const k = toBigInt(ephemeral.getPrivateKey());
    const r = toBigInt(point.subarray(1, 1 + bytes)) % order;
    const s = (inverse(k, order) * ((e + r * d) % order)) % order;
    if (r !== 0n && s !== 0n) return derSignature(r, s);
  }
}

/** The inverse of a value modulo `order`, by the extended Euclidean algorithm. */
export function inverse(value: bigint, order: bigint): bigint {
  let [low, high] = [value % order, order];
  let [factor, previous] = [1n, 0n];
  while (low > 1n) {
    const quotient = high / low;
    [low, high] = [high % low, low];
    [factor, previous] = [previous - quotient * factor, factor];
  }
  return ((factor % order) + order) % order;
}

/** Ecdsa-Sig-Value (RFC 3279, 2.2.3), in DER. */
function derSignature(r: bigint, s: bigint): Uint8Array {
  return new Uint8Array(new Sequence({ value: [Integer.fromBigInt(r), Integer.fromBigInt(s)] }).toBER());
}

export function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}
