/** What the issuer of a card writes: certificates, and the card holder unique identifier. */
import { randomBytes, type X509Certificate } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { encodeTlv } from '../apdu/index.js';
import type { ApduCard } from './command.js';
import { writeDataObject } from './data-object.js';
import { encodeFascN } from './fasc-n.js';
import { CHUID_TAG, type PivSlot, slotFacts } from './identifiers.js';

const GUID_LENGTH = 16;
const CHUID_YEARS = 10;

/** LRC, always empty, at the end of most objects. */
const ERROR_DETECTION_CODE = encodeTlv(0xfe);

export interface WriteCertificateOptions {
  /**
   * Compress it with gzip, for cards with little room.
   *
   * @default false
   */
  compress?: boolean;
}

/**
 * Writes the certificate of a slot (PUT DATA, SP 800-73-5 part 2, 3.3.1). Requires `authenticateManagement`. The card
 * does not check that it belongs to the slot's key.
 *
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED, or PIV_REFUSED: it is too large, for example.
 * @throws {RangeError} There is no such slot.
 */
export function writeCertificate(
  card: ApduCard,
  slot: PivSlot,
  certificate: X509Certificate,
  { compress = false }: WriteCertificateOptions = {},
): Promise<void> {
  const { certificateTag } = slotFacts(slot);
  const bytes = compress ? gzipSync(certificate.raw) : certificate.raw;
  return writeDataObject(
    card,
    certificateTag,
    certificateParts(bytes, compress),
    `the certificate of slot ${slot}`,
  );
}

/**
 * Deletes the certificate of a slot: its data object becomes empty. Requires `authenticateManagement`.
 *
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED or PIV_REFUSED.
 * @throws {RangeError} There is no such slot.
 */
export function deleteCertificate(card: ApduCard, slot: PivSlot): Promise<void> {
  return writeDataObject(card, slotFacts(slot).certificateTag, [], `no certificate in slot ${slot}`);
}

export interface ChuidOptions {
  /**
   * The card's identifier, 16 bytes.
   *
   * @default random
   */
  guid?: Uint8Array;
  /**
   * The last day of the card.
   *
   * @default the end of the tenth year from now
   */
  expires?: Date;
}

/**
 * Writes the card holder unique identifier (CHUID), unsigned, for test cards. Requires `authenticateManagement`. Windows
 * takes a card with another GUID for another card.
 *
 * @returns The GUID.
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED or PIV_REFUSED.
 * @throws {RangeError} The GUID does not have 16 bytes.
 */
export async function writeChuid(card: ApduCard, options: ChuidOptions = {}): Promise<Uint8Array> {
  const { guid = new Uint8Array(randomBytes(GUID_LENGTH)), expires } = options;
  await writeDataObject(card, CHUID_TAG, chuidParts(guid, expires), 'the CHUID');
  return guid;
}

/** The content of a certificate's data object (SP 800-73-5 part 1, table 10). */
export function certificateParts(certificate: Uint8Array, compressed = false): Uint8Array[] {
  const info = Uint8Array.of(compressed ? 1 : 0);
  return [encodeTlv(0x70, certificate), encodeTlv(0x71, info), ERROR_DETECTION_CODE];
}

/**
 * The content of the CHUID (SP 800-73-5 part 1, table 9), unsigned. The FASC-N says that no federal agency issued it.
 *
 * @throws {RangeError} The GUID does not have 16 bytes.
 */
export function chuidParts(guid: Uint8Array, expires = endOfYear(CHUID_YEARS)): Uint8Array[] {
  if (guid.length !== GUID_LENGTH) {
    throw new RangeError(`A card GUID has 16 bytes, but ${guid.length} were given.`);
  }
  const expirationDate = expires.toISOString().slice(0, 10).replaceAll('-', '');
  return [
    encodeTlv(0x30, encodeFascN({ agency: '9999', system: '9999', credential: '999999' })),
    encodeTlv(0x34, guid),
    encodeTlv(0x35, Buffer.from(expirationDate)),
    encodeTlv(0x3e),
    ERROR_DETECTION_CODE,
  ];
}

function endOfYear(yearsFromNow: number): Date {
  return new Date(Date.UTC(new Date().getUTCFullYear() + yearsFromNow, 11, 31));
}
