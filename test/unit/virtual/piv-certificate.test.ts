import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { selfSignedCertificate } from '../../../src/testing/virtual/piv/certificate.js';
import { PivKey } from '../../../src/testing/virtual/piv/key.js';

test('a certificate has the given validity, after 2049 too', async () => {
  const key = await PivKey.generate('P256');
  const notBefore = new Date('2024-02-29T12:34:56Z');
  const notAfter = new Date('2055-12-31T23:59:59Z');
  const certificate = new X509Certificate(
    await selfSignedCertificate(key, { subject: 'Alice', notBefore, notAfter }),
  );
  expect(new Date(certificate.validFrom)).toEqual(notBefore);
  expect(new Date(certificate.validTo)).toEqual(notAfter);
});

test('every certificate has a distinct positive serial number of 16 bytes', async () => {
  const key = await PivKey.generate('P256');
  const made = await Promise.all(
    Array.from({ length: 20 }, () => selfSignedCertificate(key, { subject: 'Alice' })),
  );
  const numbers = made.map((der) => new X509Certificate(der).serialNumber);
  expect(new Set(numbers).size).toBe(numbers.length);
  for (const number of numbers) expect(number).toMatch(/^[4-7][0-9A-F]{31}$/);
});
