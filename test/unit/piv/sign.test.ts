import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import {
  type PivSlot,
  readCertificate,
  selectPiv,
  sign,
  signatureHash,
  signMessage,
  verifyPin,
} from '../../../src/piv/index.js';
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

test.each(['RSA1024', 'RSA2048', 'RSA3072', 'P256', 'P384'] as const)(
  'a %s signature of each hash is verified by node:crypto',
  async (algorithm) => {
    const { card, publicKey } = await ready({ algorithm });
    await verifyPin(card, PIN);
    for (const hash of ['sha256', 'sha384', 'sha512']) {
      const signature = await sign(card, '9A', createHash(hash).update(message).digest(), publicKey);
      expect(verify(hash, message, publicKey, signature)).toBe(true);
    }
  },
);

test.each([
  ['P256', '9A', '0087119A', 'sha256'],
  ['P384', '9E', '0087149E', 'sha384'],
  ['Ed25519', '82', '0087E082', null],
  ['RSA3072', '95', '10870595', 'sha256'],
] as const)('a message is signed with %s in slot %s', async (algorithm, slot, header, hash) => {
  const { card, publicKey } = await ready({ algorithm, slots: [slot] });
  await verifyPin(card, PIN);
  const signature = await signMessage(card, slot, message, publicKey);
  expect(card.log.filter((apdu) => apdu.startsWith(header))).not.toEqual([]);
  expect(signatureHash(algorithm)).toBe(hash);
  expect(verify(hash, message, publicKey, signature)).toBe(true);
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
    ['RSA with 1536 bits', generateKeyPairSync('rsa', { modulusLength: 1536 }).publicKey, '(rsa 1536)'],
    ['EC on P-521', generateKeyPairSync('ec', { namedCurve: 'P-521' }).publicKey, '(ec secp521r1)'],
    ['X25519', generateKeyPairSync('x25519').publicKey, '(x25519)'],
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

  test.each(['96', '9a', 'constructor', undefined])('for a slot %s, which does not exist', async (slot) => {
    const { card, publicKey } = await ready();
    const sent = card.log.length;
    const signing = sign(card, slot as PivSlot, digest, publicKey);
    await expect(signing).rejects.toThrow(`PIV has no slot ${slot}; the slots are 9A,`);
    await expect(signing).rejects.toBeInstanceOf(RangeError);
    expect(card.log).toHaveLength(sent);
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
