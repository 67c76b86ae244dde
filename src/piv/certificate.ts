import { type KeyObject, X509Certificate } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { findTlv } from '../apdu/index.js';
import { type ApduCard, understand } from './command.js';
import { readDataObject } from './data-object.js';
import { PivError } from './error.js';
import { type PivSlot, SLOTS } from './identifiers.js';

const gunzipAsync = promisify(gunzip);

/** Parts of a certificate's data object (SP 800-73-4 part 1, table 10). */
const CERTIFICATE = 0x70;
const CERT_INFO = 0x71;

/** CertInfo's bit for gzip is 01 since SP 800-73-3; some older cards use 80. */
const GZIP = 0x81;

/** Far more than the size of a certificate. It limits what a card can make us inflate. */
const MAX_CERTIFICATE = 65_536;

/**
 * Reads the certificate of a slot (GET DATA) and decompresses it if necessary. It needs no PIN.
 *
 * @param slot - The key of the certificate.
 * @default `slot` is '9A', PIV authentication
 * @throws {PivError} PIV_NO_CERTIFICATE, PIV_REFUSED or PIV_MALFORMED.
 */
export async function readCertificate(card: ApduCard, slot: PivSlot = '9A'): Promise<X509Certificate> {
  const name = `the certificate of slot ${slot}`;
  const object = await readDataObject(card, SLOTS[slot].certificateTag, name);
  const [content, info] = await understand(`The card holds ${name} in a form that is not BER-TLV`, () =>
    object === undefined ? [] : [findTlv(object, CERTIFICATE), findTlv(object, CERT_INFO)],
  );
  if (content === undefined || content.length === 0) {
    throw new PivError('PIV_NO_CERTIFICATE', `The card has no certificate in slot ${slot}`);
  }
  const compressed = ((info?.[0] ?? 0) & GZIP) !== 0;
  try {
    return new X509Certificate(
      compressed ? await gunzipAsync(content, { maxOutputLength: MAX_CERTIFICATE }) : content,
    );
  } catch (cause) {
    const form = compressed ? 'a gzip-compressed X.509 certificate' : 'an X.509 certificate';
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
