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
import { algorithmOf, type PivAlgorithm, signatureHash } from '../../../piv/index.js';

const signAsync = promisify(sign) as unknown as (
  algorithm: string | null,
  data: Uint8Array,
  key: KeyObject,
) => Promise<Uint8Array>;

const COMMON_NAME = '2.5.4.3';
const SMART_CARD_LOGON = '1.3.6.1.4.1.311.20.2.2';

/** sha256WithRSAEncryption has NULL as parameters (RFC 4055, 5), ecdsa-with-SHA2 none (RFC 5758, 3.2). */
const RSA_SIGNATURE = new AlgorithmIdentifier({ algorithm: '1.2.840.113549.1.1.11', parameters: null });
const OTHER_SIGNATURES: Partial<Record<PivAlgorithm, AlgorithmIdentifier>> = {
  P256: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.2' }),
  P384: new AlgorithmIdentifier({ algorithm: '1.2.840.10045.4.3.3' }),
  // RFC 8410, 3.
  Ed25519: new AlgorithmIdentifier({ algorithm: '1.3.101.112' }),
};

const YEAR_MS = 365.25 * 24 * 3600 * 1000;

export interface CertificateOptions {
  /** Common name of the subject; empty: a certificate without subject. */
  subject: string;
  /** Default: valid from an hour ago (clocks differ) for ten years. */
  notBefore?: Date;
  notAfter?: Date;
}

/** Who signs a certificate. */
export interface Issuer {
  /** Common name. */
  name: string;
  /** The kind of key that signs. */
  algorithm: PivAlgorithm;
  /** Signs with `signatureHash` of the algorithm. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}

/** An issuer with a private key in this process. */
export function issuerWith(privateKey: KeyObject, name: string): Issuer {
  const algorithm = algorithmOf(privateKey);
  return { name, algorithm, sign: (message) => signAsync(signatureHash(algorithm), message, privateKey) };
}

/** A self-signed certificate: for digital signature, client authentication and smart card logon. */
export function selfSignedCertificate(
  { publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject },
  options: CertificateOptions,
): Promise<Uint8Array> {
  return issueCertificate(publicKey, issuerWith(privateKey, options.subject), options);
}

/** A certificate of a public key, in DER (RFC 5280): for digital signature, client authentication, smart card logon. */
export async function issueCertificate(
  publicKey: KeyObject,
  issuer: Issuer,
  options: CertificateOptions,
): Promise<Uint8Array> {
  const {
    subject,
    notBefore = new Date(Date.now() - 3_600_000),
    notAfter = new Date(notBefore.getTime() + 10 * YEAR_MS),
  } = options;
  const signatureAlgorithm = OTHER_SIGNATURES[issuer.algorithm] ?? RSA_SIGNATURE;
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: serialNumber(),
    signature: signatureAlgorithm,
    issuer: commonName(issuer.name),
    validity: new Validity({ notBefore, notAfter }),
    subject: commonName(subject),
    subjectPublicKeyInfo: AsnConvert.parse(
      publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: extensions(),
  });
  const signatureValue = await issuer.sign(new Uint8Array(AsnConvert.serialize(tbsCertificate)));
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm,
    signatureValue: new Uint8Array(signatureValue).buffer,
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function commonName(text: string): Name {
  if (text === '') return new Name([]);
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
