import { generateKeyPairSync, randomBytes, X509Certificate } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { encodeTlv, ResponseApdu } from '../../../src/apdu/index.js';
import { logon, PivError, retriesLeft } from '../../../src/piv/index.js';
import { issueCertificate, issuerWith } from '../../../src/testing/virtual/piv/certificate.js';
import { DirectCard, emptyCard, PIN } from './direct-card.js';

/** A certificate of a key that PIV does not have. */
async function certificateOnP521(): Promise<Uint8Array> {
  const key = generateKeyPairSync('ec', { namedCurve: 'P-521' });
  const issuer = issuerWith(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'CA');
  return issueCertificate(key.publicKey, issuer, { subject: 'Bob' });
}

describe.each(['RSA2048', 'RSA3072', 'P256', 'P384', 'Ed25519'] as const)(
  'a card with a %s key',
  (algorithm) => {
    test('logs on', async () => {
      const card = await DirectCard.with({ algorithm });
      const result = await logon(card, PIN);
      expect(result).toMatchObject({ subject: 'CN=Alice', algorithm, retriesLeft: 3 });
      expect(result.certificate.raw).toEqual(Buffer.from(card.piv.certificate ?? []));
    });

    test('with the certificate of another card does not log on', async () => {
      const [card, other] = [await DirectCard.with({ algorithm }), await DirectCard.with({ algorithm })];
      const certificate = other.piv.certificate ?? new Uint8Array(0);
      card.answer('CB 5FC105', ResponseApdu.ok(encodeTlv(0x53, encodeTlv(0x70, certificate))));
      await expect(logon(card, PIN)).rejects.toMatchObject({
        name: 'PivError',
        code: 'PIV_SIGNATURE_INVALID',
        statusWord: undefined,
        message: expect.stringContaining('does not match its certificate (CN=Alice)'),
      });
    });

    test('with an invalid signature does not log on', async () => {
      const card = await DirectCard.with({ algorithm });
      card.answer('87', ResponseApdu.ok(encodeTlv(0x7c, encodeTlv(0x82, randomBytes(70)))));
      await expect(logon(card, PIN)).rejects.toMatchObject({ code: 'PIV_SIGNATURE_INVALID' });
    });
  },
);

// Where the key is: no changed byte may let OpenSSL's own errors through.
test.each(['RSA2048', 'P256'] as const)(
  'a %s certificate that is damaged is reported in a sentence',
  async (algorithm) => {
    const card = await DirectCard.with({ algorithm });
    const certificate = Buffer.from(card.piv.certificate ?? []);
    const publicKey = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' });
    const start = certificate.indexOf(publicKey);
    expect(start).toBeGreaterThan(0);
    const malformed: string[] = [];
    for (let at = start; at < start + publicKey.length; at++) {
      for (const change of [0x01, 0x80]) {
        card.piv.reset();
        const damaged = Buffer.from(certificate);
        damaged[at] = (damaged[at] ?? 0) ^ change;
        card.answer('CB 5FC105', ResponseApdu.ok(encodeTlv(0x53, encodeTlv(0x70, damaged))));
        const error = await logon(card, PIN).catch((reason: unknown) => reason);
        // Some bytes do not matter, such as a parameter that is never read.
        if (!(error instanceof Error)) continue;
        expect(error).toBeInstanceOf(PivError);
        const { code, message, cause } = error as PivError;
        if (code !== 'PIV_MALFORMED') continue;
        malformed.push(message);
        expect(cause).toBeInstanceOf(Error);
      }
    }
    expect(malformed).toContain('The public key in the certificate cannot be read.');
  },
);

test('the steps run in order, one after another', async () => {
  const { steps, durationMs } = await logon(await DirectCard.with(), PIN);
  expect(steps.map(({ step }) => step)).toEqual([
    'select',
    'read-certificate',
    'ask-retries',
    'verify-pin',
    'sign',
    'verify-signature',
  ]);
  let end = 0;
  for (const step of steps) {
    expect(step.startMs).toBeGreaterThanOrEqual(end);
    end = step.startMs + step.durationMs;
  }
  expect(durationMs).toBeGreaterThanOrEqual(end);
});

test('every logon has a new challenge', async () => {
  const card = await DirectCard.with();
  await logon(card, PIN);
  await logon(card, PIN);
  const challenges = card.log.filter((apdu) => apdu.startsWith('0087'));
  expect(challenges).toHaveLength(2);
  expect(challenges[0]).not.toBe(challenges[1]);
});

test('a card whose PIN is verified already does not report the tries', async () => {
  const card = await DirectCard.with();
  await logon(card, PIN);
  expect(await logon(card, PIN)).toMatchObject({ retriesLeft: undefined });
});

test('a wrong PIN costs one try, and nothing is signed', async () => {
  const card = await DirectCard.with();
  await expect(logon(card, '000000')).rejects.toMatchObject({ code: 'PIV_WRONG_PIN', retriesLeft: 2 });
  expect(card.log.filter((apdu) => apdu.startsWith('0087'))).toEqual([]);
});

test('a key that cannot be used costs no try', async () => {
  const card = await DirectCard.with();
  card.answer('CB 5FC105', ResponseApdu.ok(encodeTlv(0x53, encodeTlv(0x70, await certificateOnP521()))));
  await expect(logon(card, '000000')).rejects.toMatchObject({ code: 'PIV_KEY_UNSUPPORTED' });
  expect(await retriesLeft(card)).toBe(3);
});

test('a missing certificate and a missing application are reported', async () => {
  const card = await DirectCard.with({ slots: ['9E'] });
  await expect(logon(card, PIN)).rejects.toMatchObject({ code: 'PIV_NO_CERTIFICATE' });
  await expect(logon(emptyCard, PIN)).rejects.toMatchObject({ code: 'PIV_NOT_FOUND' });
});

test("the transport's own errors pass through unchanged", async () => {
  const gone = new Error('The card was pulled out.');
  await expect(logon({ transmit: () => Promise.reject(gone) }, PIN)).rejects.toBe(gone);
});

test('the certificate and key of another slot can be used', async () => {
  const card = await DirectCard.with({ slots: ['9A', '83'] });
  const { certificate } = await logon(card, PIN, { slot: '83' });
  expect(certificate.raw).toEqual(Buffer.from(card.piv.certificates.get('83') ?? []));
});

test('a certificate without subject logs on, with an empty subject', async () => {
  const card = await DirectCard.with({ subject: '' });
  expect(await logon(card, PIN)).toMatchObject({ subject: '' });
});
