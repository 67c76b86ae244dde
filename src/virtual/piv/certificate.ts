import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { encodeTlv } from '../../apdu/index.js';
import type { PivKey } from './key.js';

const signAsync = promisify(sign) as unknown as (
  algorithm: string,
  data: Uint8Array,
  key: KeyObject,
) => Promise<Uint8Array>;

/** Universal tags of ASN.1 (X.690, 8.1.2). */
const Asn1 = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  NULL: 0x05,
  OBJECT_IDENTIFIER: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  GENERALIZED_TIME: 0x18,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

const OID = {
  commonName: '2.5.4.3',
  keyUsage: '2.5.29.15',
  extendedKeyUsage: '2.5.29.37',
  sha256WithRsa: '1.2.840.113549.1.1.11',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  clientAuth: '1.3.6.1.5.5.7.3.2',
  smartcardLogon: '1.3.6.1.4.1.311.20.2.2',
} as const;

const YEAR_MS = 365.25 * 24 * 3600 * 1000;

export interface CertificateOptions {
  /** Common name of subject and issuer. */
  subject: string;
  /** Default: valid from an hour ago (clocks differ) for ten years. */
  notBefore?: Date;
  notAfter?: Date;
}

/**
 * A self-signed certificate of a card's key, in DER (RFC 5280): for digital signature, client authentication
 * and smart card logon.
 */
export async function selfSignedCertificate(key: PivKey, options: CertificateOptions): Promise<Uint8Array> {
  const {
    subject,
    notBefore = new Date(Date.now() - 3_600_000),
    notAfter = new Date(notBefore.getTime() + 10 * YEAR_MS),
  } = options;
  const rsa = key.algorithm === 'RSA2048';
  const algorithm = sequence(
    oid(rsa ? OID.sha256WithRsa : OID.ecdsaWithSha256),
    ...(rsa ? [encodeTlv(Asn1.NULL)] : []),
  );
  const commonName = sequence(oid(OID.commonName), encodeTlv(Asn1.UTF8_STRING, Buffer.from(subject)));
  const name = sequence(encodeTlv(Asn1.SET, commonName));
  const body = sequence(
    encodeTlv(0xa0, encodeTlv(Asn1.INTEGER, Uint8Array.of(2))),
    encodeTlv(Asn1.INTEGER, serialNumber()),
    algorithm,
    name,
    sequence(time(notBefore), time(notAfter)),
    name,
    key.publicKey.export({ type: 'spki', format: 'der' }),
    encodeTlv(0xa3, extensions()),
  );
  const signature = await signAsync('sha256', body, key.privateKey);
  return sequence(body, algorithm, bitString(signature));
}

function extensions(): Uint8Array {
  const critical = encodeTlv(Asn1.BOOLEAN, Uint8Array.of(0xff));
  // digitalSignature, keyEncipherment, keyAgreement; the last three bits of the byte are unused.
  const keyUsage = bitString(Uint8Array.of(0b1010_1000), 3);
  const extendedKeyUsage = sequence(oid(OID.clientAuth), oid(OID.smartcardLogon));
  return sequence(
    sequence(oid(OID.keyUsage), critical, encodeTlv(Asn1.OCTET_STRING, keyUsage)),
    sequence(oid(OID.extendedKeyUsage), encodeTlv(Asn1.OCTET_STRING, extendedKeyUsage)),
  );
}

/** 16 random bytes, positive and without a leading zero byte. */
function serialNumber(): Uint8Array {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes;
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280, 4.1.2.5). */
function time(date: Date): Uint8Array {
  const digits = date.toISOString().replace(/\.\d+/, '').replace(/[-:T]/g, '');
  return date.getUTCFullYear() < 2050
    ? encodeTlv(Asn1.UTC_TIME, Buffer.from(digits.slice(2)))
    : encodeTlv(Asn1.GENERALIZED_TIME, Buffer.from(digits));
}

function sequence(...parts: Uint8Array[]): Uint8Array {
  return encodeTlv(Asn1.SEQUENCE, ...parts);
}

function bitString(bytes: Uint8Array, unusedBits = 0): Uint8Array {
  return encodeTlv(Asn1.BIT_STRING, Uint8Array.of(unusedBits), bytes);
}

function oid(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let high = arc >> 7; high > 0; high >>= 7) digits.unshift(0x80 | (high & 0x7f));
    return digits;
  });
  return encodeTlv(Asn1.OBJECT_IDENTIFIER, Uint8Array.from(bytes));
}
