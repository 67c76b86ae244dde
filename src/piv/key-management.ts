import type { KeyObject } from 'node:crypto';
import { decodeTlv, encodeTlv, findTlv } from '../apdu/index.js';
import { ALGORITHM_ID, algorithmOf, curveOf, type PivAlgorithm, rsaBits } from './algorithms.js';
import { type ApduCard, requireManagement, send, understand } from './command.js';
import { PivError } from './error.js';
import { type PivSlot, slotFacts } from './identifiers.js';
import { decodePublicKey } from './public-key.js';

const GENERATE_ASYMMETRIC_KEY_PAIR = 0x47;
/** Yubico, PIV extensions. */
const IMPORT_ASYMMETRIC_KEY = 0xfe;

/** Tags of GENERATE ASYMMETRIC KEY PAIR (SP 800-73-5 part 2, tables 8 and 9). */
const CONTROL_REFERENCE = 0xac;
const CRYPTOGRAPHIC_MECHANISM = 0x80;
const PUBLIC_KEY = 0x7f49;

/** Tags of the policies (Yubico), in both commands, and of the key in IMPORT ASYMMETRIC KEY. */
const PIN_POLICY = 0xaa;
const TOUCH_POLICY = 0xab;
const RSA_PARTS = [0x01, 0x02, 0x03, 0x04, 0x05];
const EC_SCALAR = 0x06;
const ED25519_SEED = 0x07;

const PIN_POLICIES = { default: 0, never: 1, once: 2, always: 3 } as const;
const TOUCH_POLICIES = { default: 0, never: 1, always: 2, cached: 3 } as const;

export interface KeyPolicies {
  /** When the key requires the PIN (Yubico). Other cards refuse it. */
  pinPolicy?: keyof typeof PIN_POLICIES;
  /** When the key requires a touch of the YubiKey (Yubico). Other cards refuse it. */
  touchPolicy?: keyof typeof TOUCH_POLICIES;
}

/**
 * Lets the card make a new key in a slot (GENERATE ASYMMETRIC KEY PAIR, SP 800-73-5 part 2, 3.3.2). The former key is
 * lost. The certificate stays, and no longer matches: write a new one. Requires `authenticateManagement`.
 *
 * An RSA key takes a real card seconds, a large one up to minutes.
 *
 * @returns The public key.
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED, PIV_MALFORMED, or PIV_REFUSED: the card does not have this algorithm.
 * @throws {RangeError} There is no such slot.
 */
export async function generateKey(
  card: ApduCard,
  slot: PivSlot,
  algorithm: PivAlgorithm,
  policies: KeyPolicies = {},
): Promise<KeyObject> {
  const mechanism = encodeTlv(CRYPTOGRAPHIC_MECHANISM, Uint8Array.of(ALGORITHM_ID[algorithm]));
  const data = encodeTlv(CONTROL_REFERENCE, mechanism, ...policyParts(policies));
  const p2 = slotFacts(slot).reference;
  const response = await send(card, { ins: GENERATE_ASYMMETRIC_KEY_PAIR, p1: 0x00, p2, data, ne: 256 });
  requireManagement(response, `The card did not make a key of ${algorithm} in slot ${slot}`);
  const objects = await understand('The public key from the card is not BER-TLV', () =>
    findTlv(response.data, PUBLIC_KEY),
  );
  try {
    return decodePublicKey(algorithm, objects ?? new Uint8Array(0));
  } catch (cause) {
    const what = `The card made a key, but what it returned is not a public key of ${algorithm}`;
    throw new PivError('PIV_MALFORMED', what, { cause });
  }
}

/**
 * Stores a private key in a slot (Yubico's IMPORT ASYMMETRIC KEY). The former key is lost. Copies of the key are wiped;
 * `privateKey` is the caller's. Requires `authenticateManagement`.
 *
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED. PIV_KEY_UNSUPPORTED: PIV has no such key. PIV_REFUSED: the card cannot
 *   import keys, or not of this algorithm.
 * @throws {RangeError} There is no such slot.
 * @throws {TypeError} It is not a private key.
 */
export async function importKey(
  card: ApduCard,
  slot: PivSlot,
  privateKey: KeyObject,
  policies: KeyPolicies = {},
): Promise<void> {
  if (privateKey.type !== 'private')
    throw new TypeError(`A private key is needed, not a ${privateKey.type} one.`);
  const algorithm = algorithmOf(privateKey);
  const p2 = slotFacts(slot).reference;
  const key = privateParts(privateKey, algorithm);
  const data = joined([...key, ...policyParts(policies)]);
  try {
    const response = await send(card, { ins: IMPORT_ASYMMETRIC_KEY, p1: ALGORITHM_ID[algorithm], p2, data });
    requireManagement(response, `The card did not store a key of ${algorithm} in slot ${slot}`);
  } finally {
    for (const bytes of [data, ...key]) bytes.fill(0);
  }
}

function policyParts({ pinPolicy, touchPolicy }: KeyPolicies): Uint8Array[] {
  const parts: Uint8Array[] = [];
  if (pinPolicy !== undefined) parts.push(encodeTlv(PIN_POLICY, Uint8Array.of(PIN_POLICIES[pinPolicy])));
  if (touchPolicy !== undefined)
    parts.push(encodeTlv(TOUCH_POLICY, Uint8Array.of(TOUCH_POLICIES[touchPolicy])));
  return parts;
}

/** The parts of a private key, each a data object. The DER encodings, unlike a JSON Web Key, can be wiped. */
function privateParts(privateKey: KeyObject, algorithm: PivAlgorithm): Uint8Array[] {
  const bits = rsaBits(algorithm);
  const curve = curveOf(algorithm);
  if (bits !== undefined) {
    // RSAPrivateKey (RFC 8017, A.1.2): version, n, e, d, p, q, dP, dQ, qInv.
    const der = privateKey.export({ type: 'pkcs1', format: 'der' });
    return wiping(der, () =>
      sequence(der)
        .slice(4)
        .map((part, i) => encodeTlv(RSA_PARTS[i] ?? 0, ...padded(part, bits / 16))),
    );
  }
  if (curve !== undefined) {
    // ECPrivateKey (RFC 5915, 3): version, private key.
    const der = privateKey.export({ type: 'sec1', format: 'der' });
    return wiping(der, () => [encodeTlv(EC_SCALAR, ...padded(sequence(der)[1], curve.bytes))]);
  }
  // OneAsymmetricKey (RFC 8410, 7): version, algorithm, an octet string in an octet string.
  const der = privateKey.export({ type: 'pkcs8', format: 'der' });
  return wiping(der, () => [encodeTlv(ED25519_SEED, decodeTlv(sequence(der)[2] ?? der)[0]?.value ?? der)]);
}

function wiping<T>(secret: Uint8Array, work: () => T): T {
  try {
    return work();
  } finally {
    secret.fill(0);
  }
}

/** The values in a DER sequence. */
function sequence(der: Uint8Array): Uint8Array[] {
  return decodeTlv(decodeTlv(der)[0]?.value ?? der).map(({ value }) => value);
}

/** A number of a fixed length, as parts: leading zeros, then the number without those that DER may add. */
function padded(number: Uint8Array = new Uint8Array(0), length: number): Uint8Array[] {
  const start = number.findIndex((byte) => byte !== 0);
  const significant = number.subarray(start < 0 ? number.length : start);
  return [new Uint8Array(length - significant.length), significant];
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(new ArrayBuffer(parts.reduce((sum, part) => sum + part.length, 0)));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
