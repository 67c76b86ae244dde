import {
  constants,
  createHash,
  diffieHellman,
  generateKeyPairSync,
  type KeyObject,
  publicEncrypt,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ResponseApdu } from '../../../src/apdu/index.js';
import { decrypt, deriveSecret, readCertificate, selectPiv, verifyPin } from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
import { DirectCard, PIN } from './direct-card.js';

const message = Buffer.from('a session key');

async function ready(options: PivOptions): Promise<{ card: DirectCard; publicKey: KeyObject }> {
  const card = await DirectCard.with({ slots: ['9D'], ...options });
  await selectPiv(card);
  await verifyPin(card, PIN);
  return { card, publicKey: (await readCertificate(card, '9D')).publicKey };
}

describe('decrypt', () => {
  test.each(['RSA2048', 'RSA3072'] as const)('%s, padded by node:crypto', async (algorithm) => {
    const { card, publicKey } = await ready({ algorithm });
    const pkcs1 = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, message);
    expect(Buffer.from(await decrypt(card, '9D', pkcs1, publicKey))).toEqual(message);
    for (const oaepHash of ['sha1', 'sha256', 'sha384', 'sha512'] as const) {
      const encrypted = publicEncrypt({ key: publicKey, oaepHash }, message);
      const options = { padding: 'oaep', oaepHash } as const;
      expect(Buffer.from(await decrypt(card, '9D', encrypted, publicKey, options))).toEqual(message);
    }
  });

  test('an empty message', async () => {
    const { card, publicKey } = await ready({ algorithm: 'RSA2048' });
    const padded = publicEncrypt({ key: publicKey, padding: constants.RSA_PKCS1_PADDING }, Buffer.alloc(0));
    expect(await decrypt(card, '9D', padded, publicKey)).toHaveLength(0);
    const oaep = publicEncrypt({ key: publicKey, oaepHash: 'sha256' }, Buffer.alloc(0));
    expect(await decrypt(card, '9D', oaep, publicKey, { padding: 'oaep' })).toHaveLength(0);
  });

  test('without padding, the whole block comes', async () => {
    const { card, publicKey } = await ready({ algorithm: 'RSA2048' });
    const block = Buffer.alloc(256, 0x17);
    const encrypted = publicEncrypt({ key: publicKey, padding: constants.RSA_NO_PADDING }, block);
    expect(Buffer.from(await decrypt(card, '9D', encrypted, publicKey, { padding: 'none' }))).toEqual(block);
  });

  test.each([
    // Not by OAEP: its block looks like one of PKCS #1 once in some hundred times.
    ['pkcs1', constants.RSA_NO_PADDING, Buffer.alloc(256, 0x17)],
    ['oaep', constants.RSA_PKCS1_PADDING, message],
  ] as const)('another padding than %s is an error', async (padding, used, block) => {
    const { card, publicKey } = await ready({ algorithm: 'RSA2048' });
    const encrypted = publicEncrypt({ key: publicKey, padding: used }, block);
    await expect(decrypt(card, '9D', encrypted, publicKey, { padding })).rejects.toMatchObject({
      code: 'PIV_DECRYPTION_FAILED',
    });
  });

  test('another length is not sent', async () => {
    const { card, publicKey } = await ready({ algorithm: 'RSA2048' });
    const sent = card.log.length;
    await expect(decrypt(card, '9D', Buffer.alloc(255), publicKey)).rejects.toThrow(
      'RSA2048 decrypts 256 bytes, but 255 were given.',
    );
    expect(card.log).toHaveLength(sent);
  });

  test('a key of EC cannot', async () => {
    const { card, publicKey } = await ready({ algorithm: 'P256' });
    await expect(decrypt(card, '9D', Buffer.alloc(256), publicKey)).rejects.toMatchObject({
      code: 'PIV_KEY_UNSUPPORTED',
    });
  });

  test('the key requires the PIN', async () => {
    const { card, publicKey } = await ready({ algorithm: 'RSA2048' });
    card.piv.reset();
    await expect(decrypt(card, '9D', Buffer.alloc(256), publicKey)).rejects.toMatchObject({
      code: 'PIV_PIN_REQUIRED',
    });
  });
});

describe('deriveSecret', () => {
  test.each([
    ['P256', 'P-256', 32],
    ['P384', 'P-384', 48],
  ] as const)('with a key of %s, both sides have the same secret', async (algorithm, namedCurve, length) => {
    const { card, publicKey } = await ready({ algorithm });
    const host = generateKeyPairSync('ec', { namedCurve });
    const secret = await deriveSecret(card, '9D', host.publicKey);
    expect(secret).toHaveLength(length);
    expect(Buffer.from(secret)).toEqual(diffieHellman({ privateKey: host.privateKey, publicKey }));
  });

  test('a key on another curve is refused by the card', async () => {
    const { card } = await ready({ algorithm: 'P256' });
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    await expect(deriveSecret(card, '9D', publicKey)).rejects.toMatchObject({ code: 'PIV_REFUSED' });
  });

  test.each([
    ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey],
    ['P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey],
  ])('a key of %s cannot', async (_kind, key) => {
    const { card } = await ready({ algorithm: 'P256' });
    await expect(deriveSecret(card, '9D', key)).rejects.toMatchObject({ code: 'PIV_KEY_UNSUPPORTED' });
  });

  test('an answer without a result is malformed', async () => {
    const { card } = await ready({ algorithm: 'P256' });
    card.answer('87', ResponseApdu.ok(createHash('sha256').update('x').digest()));
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    await expect(deriveSecret(card, '9D', publicKey)).rejects.toMatchObject({ code: 'PIV_MALFORMED' });
  });
});
