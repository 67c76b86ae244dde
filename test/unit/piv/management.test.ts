import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign as signWithNode,
  verify,
  X509Certificate,
} from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fromHex, ResponseApdu, toHex } from '../../../src/apdu/index.js';
import {
  attest,
  authenticateManagement,
  changeManagementKey,
  decrypt,
  deleteCertificate,
  generateKey,
  importKey,
  type PivSlot,
  readCertificate,
  readGuid,
  retriesLeft,
  selectPiv,
  signatureHash,
  signMessage,
  unblockPin,
  verifyPin,
  writeCertificate,
  writeChuid,
} from '../../../src/piv/index.js';
import { DEFAULT_MANAGEMENT_KEY, type PivOptions } from '../../../src/testing/virtual/index.js';
import { issueCertificate } from '../../../src/testing/virtual/piv/certificate.js';
import { DirectCard, PIN } from './direct-card.js';

const message = Buffer.from('a message');
const KEYS = [
  { algorithm: '3DES', length: 24, id: '03' },
  { algorithm: 'AES128', length: 16, id: '08' },
  { algorithm: 'AES192', length: 24, id: '0A' },
  { algorithm: 'AES256', length: 32, id: '0C' },
] as const;

const keyOf = (length: number) => Uint8Array.from({ length }, (_, i) => 17 * i + 3);

async function selected(options: PivOptions = {}): Promise<DirectCard> {
  const card = await DirectCard.with({ yubico: true, ...options });
  await selectPiv(card);
  return card;
}

async function managed(options: PivOptions = {}): Promise<DirectCard> {
  const card = await selected(options);
  await authenticateManagement(card, DEFAULT_MANAGEMENT_KEY);
  return card;
}

describe.each(KEYS)('a management key of $algorithm', ({ algorithm, length, id }) => {
  const managementKey = keyOf(length);
  const options = { managementKey, managementAlgorithm: algorithm };

  test.each(['mutual', 'external'] as const)('authenticates, %s', async (mode) => {
    const card = await selected({ ...options, yubico: false });
    await expect(writeChuid(card)).rejects.toMatchObject({ code: 'PIV_MANAGEMENT_REQUIRED' });
    await authenticateManagement(card, managementKey, { algorithm, mode });
    expect(card.log.at(-1)?.slice(0, 8)).toBe(`0087${id}9B`);
    await writeChuid(card);
  });

  test('is found by what the card tells about it', async () => {
    await authenticateManagement(await selected(options), managementKey);
  });

  test.each(['mutual', 'external'] as const)('that is wrong is refused, %s', async (mode) => {
    const card = await selected(options);
    const wrong = managementKey.map((byte) => byte ^ 0x10);
    await expect(authenticateManagement(card, wrong, { mode })).rejects.toMatchObject({
      code: 'PIV_WRONG_MANAGEMENT_KEY',
      statusWord: 0x6982,
    });
    await expect(writeChuid(card)).rejects.toMatchObject({ code: 'PIV_MANAGEMENT_REQUIRED' });
  });

  test('can be set', async () => {
    const card = await managed();
    await changeManagementKey(card, managementKey, algorithm);
    expect(card.log.at(-1)?.slice(0, 8)).toBe('00FFFFFF');
    expect(card.given.at(-1)?.every((byte) => byte === 0)).toBe(true);
    card.piv.reset();
    await authenticateManagement(card, managementKey);
    const old = authenticateManagement(card, DEFAULT_MANAGEMENT_KEY, { algorithm: '3DES' });
    await expect(old).rejects.toMatchObject({ name: 'PivError' });
  });
});

// NIST SP 800-67 and FIPS 197 have the ciphers; AES-128 of FIPS 197, appendix C.1, as the card's witness.
test('the witness is decrypted as FIPS 197 has it', async () => {
  const sent: string[] = [];
  const transmit = async (apdu: Uint8Array) => {
    sent.push(toHex(apdu));
    if (sent.length === 1) return fromHex('7C12801069C4E0D86A7B0430D8CDB78070B4C55A9000');
    return fromHex('6982');
  };
  const key = fromHex('000102030405060708090A0B0C0D0E0F');
  await expect(authenticateManagement({ transmit }, key, { algorithm: 'AES128' })).rejects.toMatchObject({
    code: 'PIV_WRONG_MANAGEMENT_KEY',
  });
  expect(sent[0]).toBe('0087089B047C02800000');
  expect(sent[1]?.slice(0, 50)).toBe('0087089B267C24801000112233445566778899AABBCCDDEEFF');
});

test('a card that does not prove that it has the key is not trusted', async () => {
  const card = await selected();
  const answers = [`7C0A8008${'00'.repeat(8)}9000`, `7C0A8208${'00'.repeat(8)}9000`];
  const transmit = async () => fromHex(answers.shift() ?? '6F00');
  await expect(
    authenticateManagement({ transmit }, DEFAULT_MANAGEMENT_KEY, { algorithm: '3DES' }),
  ).rejects.toMatchObject({ code: 'PIV_WRONG_MANAGEMENT_KEY', statusWord: undefined });
  expect(card.log).toHaveLength(1);
});

test.each([
  [15, undefined, 'has 16, 24 or 32 bytes, but 15 were given'],
  [16, 'AES256', 'A key of AES256 has 32 bytes, but 16 were given'],
] as const)('a key of %i bytes as %s is rejected', async (length, algorithm, text) => {
  const card = await selected({ yubico: false });
  const options = algorithm === undefined ? {} : { algorithm };
  await expect(authenticateManagement(card, keyOf(length), options)).rejects.toThrow(text);
});

describe.each(['RSA2048', 'RSA3072', 'P256', 'P384', 'Ed25519'] as const)('a key of %s', (algorithm) => {
  test('is made on the card, and gets a certificate', async () => {
    const card = await managed({ slots: [] });
    const publicKey = await generateKey(card, '9A', algorithm);
    await verifyPin(card, PIN);
    const issuer = {
      name: 'Alice',
      algorithm,
      sign: (bytes: Uint8Array) => signMessage(card, '9A', bytes, publicKey),
    };
    const made = new X509Certificate(await issueCertificate(publicKey, issuer, { subject: 'Alice' }));
    await writeCertificate(card, '9A', made);
    const certificate = await readCertificate(card);
    expect(certificate.verify(publicKey)).toBe(true);
    expect(certificate.fingerprint256).toBe(made.fingerprint256);
    await writeCertificate(card, '9A', made, { compress: true });
    expect((await readCertificate(card)).fingerprint256).toBe(made.fingerprint256);
  });

  test('is imported, and signs', async () => {
    const card = await managed({ slots: [] });
    const privateKey = newKey(algorithm);
    await importKey(card, '85', privateKey);
    for (const bytes of card.given.slice(-1)) expect(bytes.every((byte) => byte === 0)).toBe(true);
    await verifyPin(card, PIN);
    const publicKey = createPublicKey(privateKey);
    const signature = await signMessage(card, '85', message, publicKey);
    expect(verify(signatureHash(algorithm), message, publicKey, signature)).toBe(true);
  });
});

function newKey(algorithm: 'RSA2048' | 'RSA3072' | 'P256' | 'P384' | 'Ed25519') {
  if (algorithm === 'Ed25519') return generateKeyPairSync('ed25519').privateKey;
  if (algorithm.startsWith('P')) {
    return generateKeyPairSync('ec', { namedCurve: algorithm.replace('P', 'P-') }).privateKey;
  }
  return generateKeyPairSync('rsa', { modulusLength: Number(algorithm.slice(3)) }).privateKey;
}

// RFC 8032, 7.1, test 2: the seed as the command carries it, and the signature that comes back.
test('the Ed25519 key of RFC 8032 signs as the RFC says', async () => {
  const seed = '4CCD089B28FF96DA9DB6C346EC114E0F5B8A319F35ABA624DA8CF6ED4FB8A6FB';
  const privateKey = createPrivateKey({
    key: Buffer.from(`302E020100300506032B657004220420${seed}`, 'hex'),
    format: 'der',
    type: 'pkcs8',
  });
  const card = await managed({ slots: [] });
  await importKey(card, '9A', privateKey);
  expect(card.log.at(-1)).toBe(`00FEE09A220720${seed}`);
  await verifyPin(card, PIN);
  const signature = await signMessage(card, '9A', Uint8Array.of(0x72), createPublicKey(privateKey));
  expect(toHex(signature)).toBe(
    '92A009A9F0D4CAB8720E820B5F642540A2B27B5416503F8FB3762223EBDB69DA' +
      '085AC1E43E15996E458F3613D0F11D8C387B2EAEB4302AEEB00D291612BB0C00',
  );
});

test('an EC key whose number begins with zeros is imported in full length', async () => {
  const card = await managed({ slots: [] });
  const d = Buffer.concat([Buffer.alloc(30), Buffer.from([0x12, 0x34])]);
  const { publicKey, privateKey } = scalarKey(d);
  await importKey(card, '9E', privateKey);
  expect(card.log.at(-1)).toBe(`00FE119E220620${toHex(d)}`);
  const signature = await signMessage(card, '9E', message, publicKey);
  expect(verify('sha256', message, publicKey, signature)).toBe(true);
});

function scalarKey(d: Buffer) {
  const sec1 = Buffer.concat([
    Buffer.from('303102010104 20'.replace(' ', ''), 'hex'),
    d,
    Buffer.from('A00A06082A8648CE3D030107', 'hex'),
  ]);
  const privateKey = createPrivateKey({ key: sec1, format: 'der', type: 'sec1' });
  return { privateKey, publicKey: createPublicKey(privateKey) };
}

test('no error and no log of the trace repeats a key', async () => {
  const card = await selected();
  const privateKey = newKey('P256');
  const scalar = Buffer.from(privateKey.export({ format: 'jwk' }).d ?? '', 'base64url').toString('hex');
  const error = await importKey(card, '9A', privateKey).catch((reason: Error) => reason);
  expect(error).toMatchObject({ code: 'PIV_MANAGEMENT_REQUIRED', statusWord: 0x6982 });
  expect(`${error} ${(error as Error).stack} ${JSON.stringify(error)}`.toLowerCase()).not.toContain(scalar);
});

test('a public key cannot be imported', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await expect(importKey(await managed(), '9A', publicKey)).rejects.toThrow('not a public one');
});

test('a policy for the PIN goes with the key', async () => {
  const card = await managed({ slots: [] });
  const publicKey = await generateKey(card, '9A', 'P256', { pinPolicy: 'never', touchPolicy: 'never' });
  expect(card.log.at(-1)).toBe('0047009A0BAC09800111AA0101AB010100');
  await signMessage(card, '9A', message, publicKey);
});

test('the CHUID is written, and holds the GUID', async () => {
  const card = await managed();
  const guid = fromHex('00112233445566778899AABBCCDDEEFF');
  expect(await writeChuid(card, { guid, expires: new Date('2031-05-06') })).toEqual(guid);
  expect(await readGuid(card)).toEqual(guid);
  await expect(writeChuid(card, { guid: guid.subarray(1) })).rejects.toThrow('but 15 were given');
  const random = await writeChuid(card);
  expect(await readGuid(card)).toEqual(random);
});

test('a deleted certificate leaves an empty slot', async () => {
  const card = await managed();
  await deleteCertificate(card, '9A');
  await expect(readCertificate(card)).rejects.toMatchObject({ code: 'PIV_NO_CERTIFICATE' });
});

test('a generated key is attested with the key of slot F9, an imported one is not', async () => {
  const card = await managed({ slots: [] });
  const publicKey = await generateKey(card, '9C', 'P384');
  const attestation = await attest(card, '9C');
  expect(attestation.publicKey.equals(publicKey)).toBe(true);
  const authority = await readCertificate(card, 'F9');
  expect(attestation.verify(authority.publicKey)).toBe(true);
  expect(attestation.issuer).toBe(authority.subject);
  await importKey(card, '9C', newKey('P256'));
  await expect(attest(card, '9C')).rejects.toMatchObject({ code: 'PIV_REFUSED' });
  await expect(attest(card, '9X' as PivSlot)).rejects.toThrow(RangeError);
});

test('the tries of the PUK are known from a YubiKey only', async () => {
  const card = await selected();
  expect(await retriesLeft(card, 'puk')).toBe(3);
  await unblockPin(card, '00000000', PIN).catch(() => {});
  expect(await retriesLeft(card, 'puk')).toBe(2);
  expect(await retriesLeft(await selected({ yubico: false }), 'puk')).toBeUndefined();
});

test('an RSA key imported from elsewhere decrypts', async () => {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const card = await managed({ slots: [] });
  await importKey(card, '9D', privateKey);
  await verifyPin(card, PIN);
  const digest = createHash('sha256').update(message).digest();
  expect(signWithNode('sha256', message, privateKey)).toEqual(
    Buffer.from(await signMessage(card, '9D', message, publicKey)),
  );
  await expect(decrypt(card, '9D', Buffer.alloc(256, 1), publicKey)).rejects.toMatchObject({
    code: 'PIV_DECRYPTION_FAILED',
  });
  expect(digest).toHaveLength(32);
});

test('what a card answers to GENERATE that is no key is malformed', async () => {
  const card = await managed();
  for (const data of ['', '7F4900', '7F49028600', '7F490486020405', '7F']) {
    card.answer('47', ResponseApdu.ok(fromHex(data)));
    await expect(generateKey(card, '9A', 'P256')).rejects.toMatchObject({ code: 'PIV_MALFORMED' });
  }
});
