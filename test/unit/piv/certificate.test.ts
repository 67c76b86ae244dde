import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { encodeTlv, fromHex, ResponseApdu } from '../../../src/apdu/index.js';
import { readCertificate, selectPiv } from '../../../src/piv/index.js';
import type { PivOptions } from '../../../src/testing/virtual/index.js';
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
