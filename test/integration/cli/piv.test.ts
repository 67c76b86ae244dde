/** The commands of "piv" that no transcript of docs/cli.md shows: output as data, odd certificates, refusals. */
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { PivApplet, PivCard } from '../../../src/testing/virtual/index.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { runCli } from '../../support/run-cli.js';

const PIN = '314159';
const rig = await startRig({ slots: 2 });
const card = await insertPiv(rig, 0, { pin: PIN, globalPin: '161803', slots: ['9A', '9D'], subject: '' });
const directory = await mkdtemp(join(tmpdir(), 'piv-'));
afterAll(() => rm(directory, { recursive: true }));

const piv = (args: string[], env: NodeJS.ProcessEnv = {}, slot = 0) =>
  runCli(['piv', ...args, '--reader', readerAt(rig, slot).name], env, directory);

/** What a command prints as data. */
async function data(args: string[], env: NodeJS.ProcessEnv = {}): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await piv([...args, '--json'], env);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return JSON.parse(stdout);
}

// github yubico-piv-tool#412, #58, yubikey.rs#602, PivApplet#68: reading needs no algorithm.
describe.each(['RSA1024', 'RSA3072', 'P384', 'Ed25519'] as const)(
  'a certificate of a key of %s',
  (algorithm) => {
    test('is shown and written', async () => {
      const applet = await PivApplet.create({ algorithm, subject: 'Bob' });
      await using other = await PivCard.insertPiv({ port: readerAt(rig, 1).port }, applet);
      const { code, stdout, stderr } = await piv(['certificate', '--out', 'certificate.pem'], {}, 1);
      expect(stderr).toBe('');
      expect(code).toBe(0);
      expect(stdout).toMatch(new RegExp(`^key +${algorithm}$`, 'm'));
      const written = new X509Certificate(await readFile(join(directory, 'certificate.pem')));
      expect(written.raw).toEqual(Buffer.from(other.piv.certificate ?? []));
    });
  },
);

test('list, as data', async () => {
  expect(await data(['list'])).toMatchObject({
    schema: 1,
    guid: Buffer.from(card.piv.guid).toString('hex').toUpperCase(),
    primaryPin: 'global',
    pinRetriesLeft: 3,
    certificates: [
      { slot: '9A', key: 'P256', subject: '' },
      { slot: '9D', key: 'P256', subject: '' },
    ],
  });
});

test('a certificate without subject is listed as such', async () => {
  expect((await piv(['list'])).stdout).toMatch(/^9A +P256 +no subject /m);
});

test('the global PIN is used if the card says so', async () => {
  expect(await data(['verify'], { PCSC_BRIDGE_PIN: '161803' })).toMatchObject({ verified: true });
  const changed = { PCSC_BRIDGE_PIN: '161803', PCSC_BRIDGE_NEW_PIN: '161804' };
  expect(await data(['change-pin'], changed)).toEqual({ schema: 1, changed: true });
  expect(await data(['logon'], { PCSC_BRIDGE_PIN: '161804' })).toMatchObject({ algorithm: 'P256' });
});

test('a derived secret is only for the user', async () => {
  const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  await writeFile(join(directory, 'other.pem'), publicKey.export({ type: 'spki', format: 'pem' }));
  const derived = await data(['derive', 'other.pem', '--out', 'secret'], { PCSC_BRIDGE_PIN: '161804' });
  expect(derived).toMatchObject({ slot: '9D', bytes: 32 });
  expect((await stat(join(directory, 'secret'))).mode & 0o777).toBe(0o600);
});

test.each([
  [['change-puk'], 'PUK required: set PCSC_BRIDGE_PUK, or run on a terminal'],
  [['set-chuid'], 'Management key required: set PCSC_BRIDGE_MANAGEMENT_KEY, or run on a terminal'],
  [['import'], 'nothing to import: give --key, --certificate, or both'],
  [
    ['import', '--key', 'other.pem'],
    'there is no private key in other.pem that can be read without a passphrase',
  ],
])('%j is wrong usage', async (args, message) => {
  await writeFile(join(directory, 'other.pem'), 'no key');
  const { code, stderr } = await piv(args);
  expect(stderr).toContain(message);
  expect(code).toBe(2);
});

test('a wrong management key is a sentence that does not repeat it', async () => {
  const key = 'A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8';
  const { code, stderr } = await piv(['set-chuid'], { PCSC_BRIDGE_MANAGEMENT_KEY: key });
  expect(stderr).toBe(
    'pcsc-bridge piv set-chuid: The management key is wrong: security status not satisfied (status word 6982).\n',
  );
  expect(code).toBe(1);
});
