import { type KeyObject, X509Certificate } from 'node:crypto';
import { findTlv } from '../apdu/index.js';
import { type ApduCard, understand } from './command.js';
import { inflateCertificate } from './compression.js';
import { readDataObject } from './data-object.js';
import { PivError } from './error.js';
import { type PivSlot, slotFacts } from './identifiers.js';

/** Parts of a certificate's data object (SP 800-73-5 part 1, table 10). */
const CERTIFICATE = 0x70;
const CERT_INFO = 0x71;

/** CertInfo's bit for gzip is 01 since SP 800-73-3; some older cards use 80. */
const GZIP = 0x81;

/**
 * Reads the certificate of a slot (GET DATA) and decompresses it if necessary. It needs no PIN. The key of the
 * certificate may be of any kind.
 *
 * @param slot - The key of the certificate.
 * @default `slot` is '9A', PIV authentication
 * @throws {PivError} PIV_NO_CERTIFICATE, PIV_REFUSED or PIV_MALFORMED.
 * @throws {RangeError} There is no such slot.
 */
export async function readCertificate(card: ApduCard, slot: PivSlot = '9A'): Promise<X509Certificate> {
  const { certificateTag } = slotFacts(slot);
  const name = `the certificate of slot ${slot}`;
  const object = await readDataObject(card, certificateTag, name);
  const [content, info] = await understand(`The card holds ${name} in a form that is not BER-TLV`, () =>
    object === undefined ? [] : [findTlv(object, CERTIFICATE), findTlv(object, CERT_INFO)],
  );
  if (content === undefined || content.length === 0) {
    throw new PivError('PIV_NO_CERTIFICATE', `The card has no certificate in slot ${slot}`);
  }
  const { form, inflate } = inflateCertificate(content, ((info?.[0] ?? 0) & GZIP) !== 0);
  try {
    return new X509Certificate(await inflate());
  } catch (cause) {
    throw new PivError('PIV_MALFORMED', `What the card holds as ${name} is not ${form}`, { cause });
  }
}

/**
 * Returns the public key of a certificate.
 *
 * @throws {PivError} PIV_MALFORMED: the key is damaged, or OpenSSL does not know its kind. `cause` is OpenSSL's error.
 */
export function publicKeyOf(certificate: X509Certificate): KeyObject {
  try {
    return certificate.publicKey;
  } catch (cause) {
    throw new PivError('PIV_MALFORMED', 'The public key in the certificate cannot be read', { cause });
  }
}

/**
 * Returns the subject of a certificate, one attribute per line: `CN=Alice`.
 *
 * @returns An empty string if the certificate has no subject; Node's own `subject` is then undefined, despite its type.
 */
export function subjectOf(certificate: X509Certificate): string {
  return (certificate.subject as string | undefined) ?? '';
}
