import { type KeyObject, randomBytes, sign } from 'node:crypto';
import { promisify } from 'node:util';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  Certificate,
  ExtendedKeyUsage,
  Extension,
  Extensions,
  id_ce_extKeyUsage,
  id_ce_keyUsage,
  id_kp_clientAuth,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from '@peculiar/asn1-x509';
import type { PivAlgorithm } from '../../../piv/index.js';
import type { PivKey } from './key.js';

const signAsync = promisify(sign) as unknown as (
  algorithm: string,
  data: Uint8Array,
  key: KeyObject,
) => Promise<Uint8Array>;

const COMMON_NAME = '2.5.4.3';
const SMART_CARD_LOGON = '1.3.6.1.4.1.311.20.2.2';

/** sha256WithRSAEncryption has NULL as parameters (RFC 4055, 5), ecdsa-with-SHA256 none (RFC 5758, 3.2). */
const SIGNATURE_ALGORITHM: Readonly<Record<PivAlgorithm, AlgorithmIdentifier>> = {
  RSA2048: new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null }),
  P256: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }),
};

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
  const signatureAlgorithm = SIGNATURE_ALGORITHM[key.algorithm];
  const name = commonName(subject);
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer: name,
    validity: new Validity({ notBefore, notAfter }),
    subject: name,
    subjectPublicKeyInfo: AsnConvert.parse(
      key.publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: extensions(),
  });
  const body = new Uint8Array(AsnConvert.serialize(tbsCertificate));
  const signatureValue = await signAsync('sha256', body, key.privateKey);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm,
    signatureValue: new Uint8Array(signatureValue).buffer,
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function commonName(text: string): Name {
  const value = new AttributeValue({ utf8String: text });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: COMMON_NAME, value })])]);
}

function extensions(): Extensions {
  const usage = KeyUsageFlags.digitalSignature | KeyUsageFlags.keyEncipherment | KeyUsageFlags.keyAgreement;
  const purposes = new ExtendedKeyUsage([id_kp_clientAuth, SMART_CARD_LOGON]);
  return new Extensions([
    new Extension({ extnID: id_ce_keyUsage, critical: true, extnValue: octets(new KeyUsage(usage)) }),
    new Extension({ extnID: id_ce_extKeyUsage, extnValue: octets(purposes) }),
  ]);
}

function octets(value: object): OctetString {
  return new OctetString(AsnConvert.serialize(value));
}

/** 16 random bytes, positive and without a leading zero byte. */
function serialNumber(): ArrayBuffer {
  const bytes = new Uint8Array(randomBytes(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40;
  return bytes.buffer;
}
