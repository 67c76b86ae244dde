/** The host's side of PIV, with a card that responds with arbitrary bytes. */
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeTlv, fromHex } from '../../src/apdu/index.js';
import {
  type ApduCard,
  attest,
  changePin,
  decrypt,
  deriveSecret,
  PivError,
  readCertificate,
  readDiscovery,
  readGuid,
  retriesLeft,
  selectPiv,
  sign,
  unblockPin,
  verifyPin,
} from '../../src/piv/index.js';
import { bytes, runs } from './arbitraries.js';

const publicKey = createPublicKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
const rsaKey = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
const digest = new Uint8Array(32);

const calls: Record<string, (card: ApduCard) => Promise<unknown>> = {
  selectPiv,
  readGuid,
  retriesLeft: (card) => retriesLeft(card),
  'retriesLeft of the PUK': (card) => retriesLeft(card, 'puk'),
  readDiscovery,
  attest: (card) => attest(card, '9A'),
  changePin: (card) => changePin(card, '123456', '654321'),
  unblockPin: (card) => unblockPin(card, '12345678', '123456'),
  decrypt: (card) => decrypt(card, '9D', new Uint8Array(256), rsaKey),
  deriveSecret: (card) => deriveSecret(card, '9D', publicKey),
  readCertificate: (card) => readCertificate(card),
  verifyPin: (card) => verifyPin(card, '123456'),
  sign: (card) => sign(card, '9A', digest, publicKey),
};

/** A response: no status word, any status word, or success with data close to what was requested. */
const object = fc
  .tuple(bytes(60), fc.constantFrom(0x34, 0x70, 0x71, 0x82), fc.boolean(), fc.constantFrom(0x53, 0x7c))
  .map(([content, tag, zipped, container]) =>
    encodeTlv(
      container,
      encodeTlv(tag, zipped ? gzipSync(content) : content),
      encodeTlv(0x71, Uint8Array.of(zipped ? 1 : 0)),
    ),
  );
const statusWord = fc.oneof(
  fc.constantFrom(fromHex('9000'), fromHex('6100'), fromHex('6A82'), fromHex('63C2'), fromHex('6C00')),
  bytes(2, 2),
);
const answer = fc.oneof(
  bytes(1),
  fc.tuple(fc.oneof(bytes(60), object), statusWord).map((parts) => Uint8Array.from(Buffer.concat(parts))),
);

test.each(Object.entries(calls))('%s resolves or rejects with a PivError', async (_, call) => {
  await fc.assert(
    fc.asyncProperty(fc.array(answer, { maxLength: 4 }), async (script) => {
      const rest = [...script];
      // Then it announces data without end.
      const card = {
        transmit: async () => rest.shift() ?? Uint8Array.from([...new Uint8Array(256), 0x61, 0]),
      };
      const error = await call(card).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(PivError);
    }),
    { ...runs, numRuns: Math.ceil(runs.numRuns / 10) },
  );
});

test('a compressed certificate that would exhaust memory is rejected', async () => {
  const bomb = gzipSync(new Uint8Array(50_000_000));
  const object = encodeTlv(0x53, encodeTlv(0x70, bomb), encodeTlv(0x71, Uint8Array.of(1)));
  const card = { transmit: async () => Uint8Array.from([...object, 0x90, 0]) };
  await expect(readCertificate(card)).rejects.toMatchObject({ code: 'PIV_MALFORMED' });
});
