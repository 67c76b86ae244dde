import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { deflateSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { encodeTlv, fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import {
  describeKey,
  type PivSlot,
  readCertificate,
  SLOTS,
  selectPiv,
  subjectOf,
} from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
import { issueCertificate, issuerWith } from '../../../src/testing/virtual/piv/certificate.js';
import { DirectCard } from './direct-card.js';

const OBJECT_9A = 'CB 5FC105';

async function selected(options: PivOptions = {}): Promise<DirectCard> {
  const card = await DirectCard.with(options);
  await selectPiv(card);
  return card;
}

function der(card: DirectCard): Uint8Array {
  return card.piv.certificate ?? fromHex('');
}

/** A certificate's data object with this content. */
function object(content: Uint8Array, info: number): ResponseApdu {
  const parts = [encodeTlv(0x70, content), encodeTlv(0x71, Uint8Array.of(info)), encodeTlv(0xfe)];
  return ResponseApdu.ok(encodeTlv(0x53, ...parts));
}

test('the certificate of slot 9A is read by default', async () => {
  const card = await selected({ slots: ['9A', '9E'] });
  expect((await readCertificate(card)).raw).toEqual(Buffer.from(der(card)));
  const other = Buffer.from(card.piv.certificates.get('9E') ?? []);
  expect((await readCertificate(card, '9E')).raw).toEqual(other);
});

test.each([0x01, 0x80])('a certificate compressed with gzip (CertInfo %i) is inflated', async (info) => {
  const card = await selected();
  card.answer(OBJECT_9A, object(gzipSync(der(card)), info));
  expect((await readCertificate(card)).raw).toEqual(Buffer.from(der(card)));
});

test('a gzip-compressed certificate that CertInfo calls uncompressed is inflated', async () => {
  const card = await selected();
  card.answer(OBJECT_9A, object(gzipSync(der(card)), 0));
  expect((await readCertificate(card)).raw).toEqual(Buffer.from(der(card)));
});

describe("Net iD's compression", () => {
  const compressed = (bytes: Uint8Array, length = bytes.length) =>
    Buffer.concat([Uint8Array.of(0x01, 0x00, length & 0xff, length >> 8), deflateSync(bytes)]);

  test.each([
    ['as it is', (bytes: Uint8Array) => bytes],
    ['in a second container', (bytes: Uint8Array) => encodeTlv(0x70, bytes)],
  ])('%s is inflated', async (_how, wrapped) => {
    const card = await selected();
    card.answer(OBJECT_9A, object(wrapped(compressed(der(card))), 1));
    expect((await readCertificate(card)).raw).toEqual(Buffer.from(der(card)));
  });

  test('with another length than announced is malformed', async () => {
    const card = await selected();
    card.answer(OBJECT_9A, object(compressed(der(card), 17), 1));
    await expect(readCertificate(card)).rejects.toMatchObject({
      code: 'PIV_MALFORMED',
      message:
        "What the card holds as the certificate of slot 9A is not a certificate in Net iD's compression.",
      cause: { message: expect.stringContaining('17 bytes were announced') },
    });
  });

  test('that inflates far beyond a normal size is rejected', async () => {
    const card = await selected();
    card.answer(OBJECT_9A, object(compressed(Buffer.alloc(1e7), 17), 1));
    await expect(readCertificate(card)).rejects.toMatchObject({ cause: { code: 'ERR_BUFFER_TOO_LARGE' } });
  });
});

test('a certificate may have no subject', async () => {
  const card = await selected({ subject: '' });
  expect(subjectOf(await readCertificate(card))).toBe('');
  expect(subjectOf(await readCertificate(await selected()))).toBe('CN=Alice');
});

test.each([
  ['ec secp521r1', () => generateKeyPairSync('ec', { namedCurve: 'P-521' })],
  ['RSA1024', () => generateKeyPairSync('rsa', { modulusLength: 1024 })],
  ['RSA4096', () => generateKeyPairSync('rsa', { modulusLength: 4096 })],
  ['x25519', () => generateKeyPairSync('x25519')],
  ['Ed25519', () => generateKeyPairSync('ed25519')],
])('a certificate of a key of kind %s is read', async (kind, generate) => {
  const card = await selected();
  const issuer = issuerWith(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'CA');
  const content = await issueCertificate(createPublicKey(generate().privateKey), issuer, { subject: 'Bob' });
  card.answer(OBJECT_9A, object(content, 0));
  const certificate = await readCertificate(card);
  expect(certificate.subject).toBe('CN=Bob');
  expect(describeKey(certificate.publicKey)).toBe(kind);
});

test('every slot has its data object', async () => {
  expect(Object.keys(SLOTS)).toHaveLength(25);
  const tags: Partial<Record<PivSlot, string>> = {
    '9A': '5FC105',
    '9C': '5FC10A',
    '9D': '5FC10B',
    '9E': '5FC101',
    '82': '5FC10D',
    '8A': '5FC115',
    '95': '5FC120',
    F9: '5FFF01',
  };
  const card = await selected();
  for (const [slot, tag] of Object.entries(tags)) {
    card.answer(`CB ${tag}`, object(der(card), 0));
    expect((await readCertificate(card, slot as PivSlot)).subject).toBe('CN=Alice');
  }
});

test.each(['96', '81', 'F8', '9a', '', 'toString'])(
  'a slot %s, which does not exist, is rejected',
  async (slot) => {
    const reading = readCertificate(await selected(), slot as PivSlot);
    await expect(reading).rejects.toBeInstanceOf(RangeError);
    await expect(reading).rejects.toThrow('PIV has no slot');
  },
);

test('an empty slot is an error that names it', async () => {
  await expect(readCertificate(await selected(), '9C')).rejects.toMatchObject({
    name: 'PivError',
    code: 'PIV_NO_CERTIFICATE',
    message: 'The card has no certificate in slot 9C.',
  });
});

test.each([
  ['an empty answer', ''],
  ['an empty object', '5300'],
  ['an object with an empty certificate', '53077000710100FE00'],
  ['an object without a certificate', '5305710100FE00'],
])('%s is an empty slot', async (_what, data) => {
  const card = await selected();
  card.answer(OBJECT_9A, ResponseApdu.ok(fromHex(data)));
  await expect(readCertificate(card)).rejects.toMatchObject({ code: 'PIV_NO_CERTIFICATE' });
});

test.each([
  ['bytes that are not a certificate', object(fromHex('CAFE'), 0), 'not an X.509 certificate'],
  ['bytes that are not gzip', object(fromHex('CAFE'), 1), 'not a gzip-compressed X.509 certificate'],
  ['no container', ResponseApdu.ok(fromHex('7000')), 'without the container (53)'],
  ['a container cut short', ResponseApdu.ok(fromHex('530A7000')), 'not BER-TLV'],
  ['content cut short', ResponseApdu.ok(fromHex('5303700A00')), 'not BER-TLV'],
])('%s is malformed', async (_what, response, message) => {
  const card = await selected();
  card.answer(OBJECT_9A, response);
  await expect(readCertificate(card)).rejects.toMatchObject({
    code: 'PIV_MALFORMED',
    message: expect.stringContaining(message),
  });
});

test('a certificate that inflates far beyond a normal size is rejected', async () => {
  const card = await selected();
  card.answer(OBJECT_9A, object(gzipSync(Buffer.concat([der(card), Buffer.alloc(1e7)])), 1));
  await expect(readCertificate(card)).rejects.toMatchObject({
    code: 'PIV_MALFORMED',
    cause: { code: 'ERR_BUFFER_TOO_LARGE' },
  });
});

test('a refusal names the requested object and the status word', async () => {
  const card = await selected();
  card.answer(OBJECT_9A, new ResponseApdu(0x6982));
  await expect(readCertificate(card)).rejects.toMatchObject({
    code: 'PIV_REFUSED',
    statusWord: 0x6982,
    message:
      'The card did not let the certificate of slot 9A be read: ' +
      'security status not satisfied (status word 6982).',
  });
});
