import { X509Certificate } from 'node:crypto';
import { expect, test } from 'vitest';
import { decodeTlv, findTlv, fromHex, toHex } from '../../../src/apdu/index.js';
import { PIV_AID } from '../../../src/testing/virtual/index.js';
import { PivReader, SELECT_PIV } from './piv-reader.js';

test('SELECT returns the application property template', async () => {
  await using piv = await PivReader.with();
  const response = await piv.reader.exchange(SELECT_PIV);
  expect(toHex(findTlv(response.data, 0x61, 0x4f) ?? fromHex(''))).toBe('000010000100');
  expect(toHex(findTlv(response.data, 0x61, 0x79, 0x4f) ?? fromHex(''))).toBe('A000000308');
});

test('the discovery object says that the PIV PIN is used', async () => {
  await using piv = await PivReader.with();
  const { data } = await piv.getData('7E');
  expect(findTlv(data, 0x7e, 0x4f)).toEqual(PIV_AID);
  expect(toHex(findTlv(data, 0x7e, 0x5f2f) ?? fromHex(''))).toBe('4000');
});

test('the CHUID holds the GUID, a FASC-N and an expiration date', async () => {
  const guid = fromHex('00112233445566778899AABBCCDDEEFF');
  await using piv = await PivReader.with({ guid });
  const { data } = await piv.getData('5FC102');
  expect(findTlv(data, 0x53, 0x34)).toEqual(guid);
  // Agency, system and credential 9999 9999 999999: start, five-bit digits, separators.
  expect(toHex(findTlv(data, 0x53, 0x30) ?? fromHex(''))).toMatch(/^D4E739DA739CED39CE739D.{28}$/);
  expect(Buffer.from(findTlv(data, 0x53, 0x35) ?? []).toString()).toMatch(/^20\d\d1231$/);
});

test('every card has its own GUID', async () => {
  await using one = await PivReader.with();
  await using other = await PivReader.with();
  expect(one.piv.guid).toHaveLength(16);
  expect(one.piv.guid).not.toEqual(other.piv.guid);
});

test('capability container and key history exist', async () => {
  await using piv = await PivReader.with();
  expect(findTlv((await piv.getData('5FC107')).data, 0x53, 0xf0)).toHaveLength(21);
  expect(toHex((await piv.getData('5FC10C')).data)).toBe('530AC10100C20100F300FE00');
});

test.each(['RSA2048', 'RSA3072', 'P256', 'P384', 'Ed25519'] as const)(
  'the certificate of a %s key is valid and is its own issuer',
  async (algorithm) => {
    await using piv = await PivReader.with({ algorithm, subject: 'Alice Ångström' });
    const { data } = await piv.getData('5FC105');
    const der = findTlv(data, 0x53, 0x70) ?? fromHex('');
    expect(der).toEqual(piv.piv.certificate);
    const certificate = new X509Certificate(der);
    expect(certificate.subject).toBe('CN=Alice Ångström');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
    expect(certificate.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2', '1.3.6.1.4.1.311.20.2.2']);
    expect(new Date(certificate.validFrom).getTime()).toBeLessThan(Date.now());
    expect(new Date(certificate.validTo).getTime()).toBeGreaterThan(Date.now());
  },
);

test('each configured slot has a certificate, the others have none', async () => {
  await using piv = await PivReader.with({ slots: ['9A', '9E'] });
  expect((await piv.getData('5FC101')).sw).toBe(0x9000);
  expect((await piv.getData('5FC10A')).sw).toBe(0x6a82);
  expect([...piv.piv.certificates.keys()]).toEqual(['9A', '9E']);
});

test.each([
  ['other parameters', '00CB3F00 03 5C017E 00', '6A86'],
  ['no tag list', '00CB3FFF 02 7E00 00', '6A80'],
  ['broken TLV', '00CB3FFF 03 5C057E 00', '6A80'],
  ['an object that does not exist', '00CB3FFF 05 5C035FC103 00', '6A82'],
])('GET DATA with %s is rejected', async (_what, apdu, sw) => {
  await using piv = await PivReader.with();
  expect(await piv.transmit(apdu)).toBe(sw);
});

test('objects are well-formed to the last byte', async () => {
  await using piv = await PivReader.with();
  for (const tag of ['5FC102', '5FC105', '5FC107', '5FC10C']) {
    const [object, ...more] = decodeTlv((await piv.getData(tag)).data);
    expect(more).toEqual([]);
    expect(() => decodeTlv(object?.value ?? fromHex(''))).not.toThrow();
  }
});
