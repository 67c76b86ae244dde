import { promisify } from 'node:util';
import { gunzip, inflate } from 'node:zlib';
import { findTlv, MalformedTlvError } from '../apdu/index.js';

const gunzipAsync = promisify(gunzip);
const inflateAsync = promisify(inflate);

/** Far more than the size of a certificate. It limits what a card can make us inflate. */
const MAX_CERTIFICATE = 65_536;

const CERTIFICATE = 0x70;
const GZIP_MAGIC = [0x1f, 0x8b];
/** Net iD: 01 00, the length of the certificate in two bytes (the low one first), then zlib's format (RFC 1950). */
const NET_ID_MAGIC = [0x01, 0x00];
const NET_ID_HEADER = 4;

/** How the bytes of a certificate are stored, and how to get the certificate out of them. */
interface StoredForm {
  /** The name for errors: `an X.509 certificate`. */
  form: string;
  inflate(): Promise<Uint8Array>;
}

/**
 * Recognises the stored form of a certificate. The first bytes decide, because cards exist whose CertInfo is wrong; a
 * certificate itself begins with 30.
 *
 * @param flagged - CertInfo says that the certificate is compressed.
 */
export function inflateCertificate(stored: Uint8Array, flagged: boolean): StoredForm {
  const content = unwrapped(stored);
  if (beginsWith(content, NET_ID_MAGIC)) {
    return { form: "a certificate in Net iD's compression", inflate: () => inflateNetId(content) };
  }
  if (beginsWith(content, GZIP_MAGIC) || (flagged && content[0] !== 0x30)) {
    return {
      form: 'a gzip-compressed X.509 certificate',
      inflate: () => gunzipAsync(content, { maxOutputLength: MAX_CERTIFICATE }),
    };
  }
  return { form: 'an X.509 certificate', inflate: async () => content };
}

async function inflateNetId(content: Uint8Array): Promise<Uint8Array> {
  const length = (content[2] ?? 0) | ((content[3] ?? 0) << 8);
  const certificate = await inflateAsync(content.subarray(NET_ID_HEADER), {
    maxOutputLength: MAX_CERTIFICATE,
  });
  if (certificate.length === length) return certificate;
  throw new Error(`${length} bytes were announced, but ${certificate.length} came out of the compression.`);
}

/** Net iD puts a second container (70) around its form. */
function unwrapped(content: Uint8Array): Uint8Array {
  if (content[0] !== CERTIFICATE) return content;
  try {
    return findTlv(content, CERTIFICATE) ?? content;
  } catch (error) {
    if (error instanceof MalformedTlvError) return content;
    throw error;
  }
}

function beginsWith(bytes: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => bytes[i] === byte);
}
