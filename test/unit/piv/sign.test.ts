import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { readCertificate, selectPiv, sign, verifyPin } from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
import { DirectCard, PIN } from './direct-card.js';

const message = Buffer.from('a challenge');
const digest = createHash('sha256').update(message).digest();

async function ready(options: PivOptions = {}) {
  const card = await DirectCard.with(options);
  await selectPiv(card);
  const { publicKey } = await readCertificate(card, options.slots?.[0] ?? '9A');
  return { card, publicKey };
}

test.each(['RSA2048', 'P256'] as const)('a %s signature is verified by node:crypto', async (algorithm) => {
  const { card, publicKey } = await ready({ algorithm });
  await verifyPin(card, PIN);
  const signature = await sign(card, '9A', digest, publicKey);
  expect(verify('sha256', message, publicKey, signature)).toBe(true);
});

test('the card authentication key needs no PIN', async () => {
  const { card, publicKey } = await ready({ slots: ['9E'] });
  const signature = await sign(card, '9E', digest, publicKey);
  expect(verify('sha256', message, publicKey, signature)).toBe(true);
});

test('a key that requires the PIN is reported', async () => {
  const { card, publicKey } = await ready();
  await expect(sign(card, '9A', digest, publicKey)).rejects.toMatchObject({
    code: 'PIV_PIN_REQUIRED',
    statusWord: 0x6982,
  });
});

test('the signature key requires the PIN before each signature', async () => {
  const { card, publicKey } = await ready({ slots: ['9C'] });
  await verifyPin(card, PIN);
  await sign(card, '9C', digest, publicKey);
  await expect(sign(card, '9C', digest, publicKey)).rejects.toMatchObject({ code: 'PIV_PIN_REQUIRED' });
});

test('an empty slot is rejected', async () => {
  const { card, publicKey } = await ready();
  await expect(sign(card, '9C', digest, publicKey)).rejects.toMatchObject({
    code: 'PIV_REFUSED',
    statusWord: 0x6a86,
  });
});

describe('invalid input is not sent', () => {
  test.each([
    ['RSA with 3072 bits', generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey, '(rsa 3072)'],
    ['EC on P-384', generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey, '(ec secp384r1)'],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey, '(ed25519)'],
  ])('with %s', async (_kind, key, named) => {
    const card = await DirectCard.with();
    await expect(sign(card, '9A', digest, key)).rejects.toMatchObject({
      code: 'PIV_KEY_UNSUPPORTED',
      message: expect.stringContaining(named),
    });
    expect(card.log).toEqual([]);
  });

  test('with a digest of another length', async () => {
    const { card, publicKey } = await ready();
    await expect(sign(card, '9A', digest.subarray(1), publicKey)).rejects.toThrow('31 were given');
  });
});

test.each([
  ['nothing', ''],
  ['no template', '8200'],
  ['an empty signature', '7C028200'],
  ['a template cut short', '7C05820100'],
])('a response with %s is malformed', async (_what, data) => {
  const { card, publicKey } = await ready();
  card.answer('87', ResponseApdu.ok(fromHex(data)));
  await expect(sign(card, '9A', digest, publicKey)).rejects.toMatchObject({ code: 'PIV_MALFORMED' });
});
