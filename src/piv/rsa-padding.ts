/** The padding of RSA (RFC 8017). PIV cards leave it to the host: they only raise a block to the private exponent. */
import { createHash } from 'node:crypto';
import { fromHex } from '../apdu/index.js';

/** The DER encodings of a DigestInfo up to the digest (RFC 8017, 9.2, note 1), by the length of the digest. */
const DIGEST_INFO: ReadonlyMap<number, Uint8Array> = new Map([
  [32, fromHex('30 31 30 0D 06 09 60 86 48 01 65 03 04 02 01 05 00 04 20')],
  [48, fromHex('30 41 30 0D 06 09 60 86 48 01 65 03 04 02 02 05 00 04 30')],
  [64, fromHex('30 51 30 0D 06 09 60 86 48 01 65 03 04 02 03 05 00 04 40')],
]);

/** The lengths of the digests that can be signed: SHA-256, SHA-384, SHA-512. */
export const DIGEST_LENGTHS: readonly number[] = [...DIGEST_INFO.keys()];

/** The shortest padding string between 00 02 and 00 (RFC 8017, 7.2.2). */
const MIN_PADDING = 8;

/** The hash of OAEP. */
export type OaepHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** EMSA-PKCS1-v1_5 (RFC 8017, 9.2): 00 01 FF...FF 00, then the DigestInfo. */
export function signatureBlock(digest: Uint8Array, length: number): Uint8Array {
  const info = DIGEST_INFO.get(digest.length) ?? new Uint8Array(0);
  const block = new Uint8Array(length).fill(0xff);
  const end = length - info.length - digest.length;
  block.set([0x00, 0x01]);
  block[end - 1] = 0x00;
  block.set(info, end);
  block.set(digest, end + info.length);
  return block;
}

/** RSAES-PKCS1-v1_5 (RFC 8017, 7.2.2): 00 02, at least 8 bytes that are not 0, 00, the message. Undefined if it is not. */
export function unpadPkcs1(block: Uint8Array): Uint8Array | undefined {
  const end = block.indexOf(0x00, 2);
  const wellFormed = block[0] === 0x00 && block[1] === 0x02 && end >= 2 + MIN_PADDING;
  return wellFormed ? block.slice(end + 1) : undefined;
}

/** RSAES-OAEP with an empty label (RFC 8017, 7.1.2), the same hash for MGF1. Undefined if the block is not padded so. */
export function unpadOaep(block: Uint8Array, hash: OaepHash): Uint8Array | undefined {
  const labelHash = createHash(hash).digest();
  const size = labelHash.length;
  if (block.length < 2 * size + 2) return undefined;
  const seed = masked(block.subarray(1, 1 + size), block.subarray(1 + size), hash);
  const data = masked(block.subarray(1 + size), seed, hash);
  try {
    const end = data.findIndex((byte, i) => i >= size && byte !== 0x00);
    const wellFormed = block[0] === 0x00 && data[end] === 0x01 && labelHash.equals(data.subarray(0, size));
    return wellFormed ? data.slice(end + 1) : undefined;
  } finally {
    data.fill(0);
  }
}

/** `bytes` XOR MGF1 of the seed (RFC 8017, B.2.1). */
function masked(bytes: Uint8Array, seed: Uint8Array, hash: OaepHash): Uint8Array {
  const result = bytes.slice();
  const counter = new DataView(new ArrayBuffer(4));
  for (let offset = 0, n = 0; offset < result.length; n++) {
    counter.setUint32(0, n);
    for (const byte of createHash(hash).update(seed).update(counter).digest()) {
      if (offset < result.length) result[offset] = (result[offset] ?? 0) ^ byte;
      offset += 1;
    }
  }
  return result;
}
