import { createCipheriv, createDecipheriv, randomBytes, timingSafeEqual } from 'node:crypto';
import { encodeTlv, SW } from '../apdu/index.js';
import { type ApduCard, requireManagement, send } from './command.js';
import { PivError } from './error.js';
import { generalAuthenticate, Template, templatePart } from './general-authenticate.js';
import { MANAGEMENT_KEY_REFERENCE } from './identifiers.js';
import { readAlgorithmId } from './metadata.js';

/** Yubico, PIV extensions: SET MANAGEMENT KEY. */
const SET_MANAGEMENT_KEY = 0xff;

/** The algorithm of a card management key (SP 800-78-5, table 8). YubiKeys have 3DES, and AES192 from firmware 5.7. */
export type ManagementAlgorithm = '3DES' | 'AES128' | 'AES192' | 'AES256';

/** A block cipher, in ECB mode as the standard uses it. */
export interface ManagementCipher {
  /** Algorithm identifier (SP 800-78-5, table 11). */
  readonly id: number;
  /** OpenSSL's name. */
  readonly cipher: string;
  /** Length of a block, and of a challenge, in bytes. */
  readonly block: number;
  /** Length of a key, in bytes. */
  readonly key: number;
}

export const MANAGEMENT_CIPHERS: Readonly<Record<ManagementAlgorithm, ManagementCipher>> = {
  '3DES': { id: 0x03, cipher: 'des-ede3-ecb', block: 8, key: 24 },
  AES128: { id: 0x08, cipher: 'aes-128-ecb', block: 16, key: 16 },
  AES192: { id: 0x0a, cipher: 'aes-192-ecb', block: 16, key: 24 },
  AES256: { id: 0x0c, cipher: 'aes-256-ecb', block: 16, key: 32 },
};

const ALGORITHMS = Object.keys(MANAGEMENT_CIPHERS) as ManagementAlgorithm[];

export interface ManagementOptions {
  /**
   * The algorithm of the key.
   *
   * @default what the card tells (Yubico's GET METADATA), else by the length of the key: 16 bytes AES128, 24 3DES, 32
   *   AES256
   */
  algorithm?: ManagementAlgorithm;
  /**
   * `mutual`: card and host prove that they have the key. `external`: only the host does, for cards that have no
   * witness.
   *
   * @default 'mutual'
   */
  mode?: 'mutual' | 'external';
}

/**
 * Authenticates with the card management key (GENERAL AUTHENTICATE, SP 800-73-5 part 2, appendix A.1 and A.2). The
 * commands that change what is on a card require it. It lasts until the card is reset or another application is selected.
 *
 * @param key - 16, 24 or 32 bytes. It is not wiped.
 * @throws {PivError} PIV_WRONG_MANAGEMENT_KEY: the card refuses the key or has another one. PIV_REFUSED: the card does
 *   not have this algorithm or mode. PIV_MALFORMED.
 * @throws {RangeError} The key does not have the length of the algorithm.
 */
export async function authenticateManagement(
  card: ApduCard,
  key: Uint8Array,
  { algorithm, mode = 'mutual' }: ManagementOptions = {},
): Promise<void> {
  const cipher = cipherFor(key, algorithm ?? (await algorithmOfCard(card)));
  await (mode === 'mutual' ? authenticateMutually(card, key, cipher) : authenticateHost(card, key, cipher));
}

/**
 * Replaces the card management key (Yubico's SET MANAGEMENT KEY). It requires authentication with the present one.
 *
 * @param newKey - 16, 24 or 32 bytes. It is not wiped; copies of it are.
 * @param algorithm - By default that of the length of the key: 16 bytes AES128, 24 3DES, 32 AES256.
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED or PIV_REFUSED.
 * @throws {RangeError} The key does not have the length of the algorithm.
 */
export async function changeManagementKey(
  card: ApduCard,
  newKey: Uint8Array,
  algorithm?: ManagementAlgorithm,
): Promise<void> {
  const { id } = cipherFor(newKey, algorithm);
  const data = new Uint8Array(new ArrayBuffer(3 + newKey.length));
  data.set([id, MANAGEMENT_KEY_REFERENCE, newKey.length]);
  data.set(newKey, 3);
  try {
    const response = await send(card, { ins: SET_MANAGEMENT_KEY, p1: 0xff, p2: 0xff, data });
    requireManagement(response, 'The card did not change the management key');
  } finally {
    data.fill(0);
  }
}

/** Encrypts one block. */
export function encryptBlock({ cipher }: ManagementCipher, key: Uint8Array, block: Uint8Array): Uint8Array {
  return createCipheriv(cipher, key, null).setAutoPadding(false).update(block);
}

function decryptBlock({ cipher }: ManagementCipher, key: Uint8Array, block: Uint8Array): Uint8Array {
  return createDecipheriv(cipher, key, null).setAutoPadding(false).update(block);
}

async function algorithmOfCard(card: ApduCard): Promise<ManagementAlgorithm | undefined> {
  const id = await readAlgorithmId(card, MANAGEMENT_KEY_REFERENCE);
  return ALGORITHMS.find((algorithm) => MANAGEMENT_CIPHERS[algorithm].id === id);
}

function cipherFor(key: Uint8Array, algorithm: ManagementAlgorithm | undefined): ManagementCipher {
  const found =
    algorithm === undefined
      ? Object.values(MANAGEMENT_CIPHERS).find((cipher) => cipher.key === key.length)
      : MANAGEMENT_CIPHERS[algorithm];
  if (found === undefined) {
    throw new RangeError(`A management key has 16, 24 or 32 bytes, but ${key.length} were given.`);
  }
  if (found.key === key.length) return found;
  throw new RangeError(`A key of ${algorithm} has ${found.key} bytes, but ${key.length} were given.`);
}

/** The card's encrypted witness proves the host, the host's challenge proves the card. */
async function authenticateMutually(
  card: ApduCard,
  key: Uint8Array,
  cipher: ManagementCipher,
): Promise<void> {
  const encrypted = await ask(card, cipher, Template.WITNESS);
  const witness = encodeTlv(Template.WITNESS, decryptBlock(cipher, key, encrypted));
  const challenge = randomBytes(cipher.block);
  const parts = [witness, encodeTlv(Template.CHALLENGE, challenge)];
  const response = await generalAuthenticate(card, cipher.id, MANAGEMENT_KEY_REFERENCE, ...parts);
  if (!response.ok) throw wrongKey(response.sw);
  const answer = await templatePart(response, Template.RESPONSE);
  const expected = encryptBlock(cipher, key, challenge);
  if (answer?.length !== expected.length || !timingSafeEqual(answer, expected)) {
    const what = 'The card accepted the management key, but did not prove that it has it: do not trust it';
    throw new PivError('PIV_WRONG_MANAGEMENT_KEY', what);
  }
}

/** The host encrypts the card's challenge. */
async function authenticateHost(card: ApduCard, key: Uint8Array, cipher: ManagementCipher): Promise<void> {
  const challenge = await ask(card, cipher, Template.CHALLENGE);
  const answer = encodeTlv(Template.RESPONSE, encryptBlock(cipher, key, challenge));
  const { ok, sw } = await generalAuthenticate(card, cipher.id, MANAGEMENT_KEY_REFERENCE, answer);
  if (!ok) throw wrongKey(sw);
}

/** Asks the card for a block: a witness or a challenge. */
async function ask(card: ApduCard, cipher: ManagementCipher, tag: number): Promise<Uint8Array> {
  const response = await generalAuthenticate(card, cipher.id, MANAGEMENT_KEY_REFERENCE, encodeTlv(tag));
  if (!response.ok) {
    const what = 'The card does not offer authentication with a management key of this algorithm';
    throw new PivError('PIV_REFUSED', what, { statusWord: response.sw });
  }
  const block = await templatePart(response, tag);
  if (block?.length === cipher.block) return block;
  throw new PivError(
    'PIV_MALFORMED',
    `The answer to GENERAL AUTHENTICATE holds no block of ${cipher.block} bytes`,
  );
}

function wrongKey(statusWord: number): PivError {
  const refused = [SW.SECURITY_STATUS_NOT_SATISFIED, SW.WRONG_DATA, SW.CONDITIONS_NOT_SATISFIED] as number[];
  return refused.includes(statusWord) || statusWord >> 8 === 0x63
    ? new PivError('PIV_WRONG_MANAGEMENT_KEY', 'The management key is wrong', { statusWord })
    : new PivError('PIV_REFUSED', 'The card did not accept the authentication', { statusWord });
}
