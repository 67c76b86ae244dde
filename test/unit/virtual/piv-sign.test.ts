import {
  constants,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  publicDecrypt,
  verify,
  X509Certificate,
} from 'node:crypto';
import { expect, test } from 'vitest';
import { encodeTlv, findTlv, fromHex, type ResponseApdu } from '../../../src/apdu/index.js';
import type { PivSlot } from '../../../src/testing/virtual/index.js';
import { PivReader, SELECT_PIV, VERIFY } from './piv-reader.js';

const message = Buffer.from('a challenge');
const digest = createHash('sha256').update(message).digest();
const RSA_9A = '079A';
const P256_9A = '119A';

const signature = ({ data }: ResponseApdu) => findTlv(data, 0x7c, 0x82) ?? fromHex('');

function publicKey(piv: PivReader, slot: PivSlot = '9A') {
  return new X509Certificate(piv.piv.certificates.get(slot) ?? fromHex('')).publicKey;
}

/** EMSA-PKCS1-v1_5 of the digest (RFC 8017, 9.2). */
function pkcs1Block(): Uint8Array {
  const info = Buffer.concat([fromHex('3031300D060960864801650304020105000420'), digest]);
  return Buffer.concat([fromHex('0001'), Buffer.alloc(256 - 3 - info.length, 0xff), fromHex('00'), info]);
}

test('a P-256 card signs a digest so that the certificate verifies it', async () => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  for (let i = 0; i < 20; i++) {
    expect(verify('sha256', message, publicKey(piv), signature(await piv.sign(P256_9A, digest)))).toBe(true);
  }
});

test('an RSA card signs a padded block so that the certificate verifies it', async () => {
  await using piv = await PivReader.with({ algorithm: 'RSA2048' });
  await piv.transmit(VERIFY);
  const signed = signature(await piv.sign(RSA_9A, pkcs1Block()));
  expect(verify('sha256', message, publicKey(piv), signed)).toBe(true);
});

test('an RSA card accepts any block below the modulus, and no other', async () => {
  await using piv = await PivReader.with({ algorithm: 'RSA2048' });
  await piv.transmit(VERIFY);
  const block = Buffer.alloc(256, 0x5a);
  const result = signature(await piv.sign(RSA_9A, block));
  const key = { key: publicKey(piv), padding: constants.RSA_NO_PADDING };
  expect(publicDecrypt(key, result)).toEqual(block);
  expect((await piv.sign(RSA_9A, Buffer.alloc(256, 0xff))).sw).toBe(0x6a80);
  expect((await piv.sign(RSA_9A, Buffer.alloc(255))).sw).toBe(0x6a80);
});

test('the authentication key works only after the PIN, and not after a reset', async () => {
  await using piv = await PivReader.with();
  expect((await piv.sign(P256_9A, digest)).sw).toBe(0x6982);
  await piv.transmit(VERIFY);
  expect((await piv.sign(P256_9A, digest)).sw).toBe(0x9000);
  expect((await piv.sign(P256_9A, digest)).sw).toBe(0x9000);
  piv.reader.reset();
  await piv.transmit(SELECT_PIV);
  expect((await piv.sign(P256_9A, digest)).sw).toBe(0x6982);
});

test('the signature key requires the PIN immediately before each use', async () => {
  await using piv = await PivReader.with({ slots: ['9C'] });
  await piv.transmit(VERIFY);
  expect((await piv.sign('119C', digest)).sw).toBe(0x9000);
  expect((await piv.sign('119C', digest)).sw).toBe(0x6982);
  await piv.transmit(VERIFY);
  await piv.getData('7E');
  expect((await piv.sign('119C', digest)).sw).toBe(0x6982);
});

test('the card authentication key requires no PIN', async () => {
  await using piv = await PivReader.with({ slots: ['9E'] });
  const signed = signature(await piv.sign('119E', digest));
  expect(verify('sha256', message, publicKey(piv, '9E'), signed)).toBe(true);
});

test('the key management key computes a shared secret', async () => {
  await using piv = await PivReader.with({ slots: ['9D'] });
  await piv.transmit(VERIFY);
  const host = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { x = '', y = '' } = host.publicKey.export({ format: 'jwk' });
  const point = Buffer.concat([fromHex('04'), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')]);
  const response = await piv.authenticate('119D', encodeTlv(0x82), encodeTlv(0x85, point));
  const secret = diffieHellman({ privateKey: host.privateKey, publicKey: publicKey(piv, '9D') });
  expect(Buffer.from(signature(response))).toEqual(secret);
  const offCurve = Buffer.concat([fromHex('04'), Buffer.alloc(64, 1)]);
  expect((await piv.authenticate('119D', encodeTlv(0x82), encodeTlv(0x85, offCurve))).sw).toBe(0x6a80);
});

test.each([
  ['of another algorithm', '079A', 0x6a86],
  ['in an empty slot', '119C', 0x6a86],
])('a key %s is rejected', async (_what, p1p2, sw) => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  expect((await piv.sign(p1p2, digest)).sw).toBe(sw);
});

test.each([
  ['empty', []],
  ['without a place for the response', [encodeTlv(0x81, digest)]],
  ['without a challenge', [encodeTlv(0x82)]],
])('a template %s is 6A80', async (_what, parts) => {
  await using piv = await PivReader.with();
  await piv.transmit(VERIFY);
  expect((await piv.authenticate(P256_9A, ...parts)).sw).toBe(0x6a80);
});

test('a key generated elsewhere can be stored on a card', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await using piv = await PivReader.with({ privateKey });
  expect(publicKey(piv).equals(createPublicKey(privateKey))).toBe(true);
  const { privateKey: wrong } = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  await expect(PivReader.with({ privateKey: wrong })).rejects.toThrow(TypeError);
});
