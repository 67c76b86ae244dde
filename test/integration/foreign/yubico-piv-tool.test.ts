/** Yubico's own tool, which knows nothing of us, sets up a virtual card as it sets up a YubiKey. */
import { execFile } from 'node:child_process';
import { createPrivateKey, generateKeyPairSync, verify, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { readGuid, selectPiv, signMessage, verifyPin } from '../../../src/piv/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const run = promisify(execFile);
const TOOL = '/usr/bin/yubico-piv-tool';

describe.skipIf(!existsSync(TOOL))('yubico-piv-tool (needs yubico-piv-tool)', async () => {
  const rig = await startRig({ slots: 1 });
  const card = await insertPiv(rig, 0, { yubico: { version: '5.4.3', serial: 1_234_567 }, subject: 'Alice' });
  const directory = await mkdtemp(join(tmpdir(), 'ykpiv-'));
  afterAll(() => rm(directory, { recursive: true }));
  const session = await openBridge().openSession();
  const { name } = readerAt(rig);
  const message = Buffer.from('a message');

  /** Runs the tool and returns all that it says. */
  async function tool(...args: string[]): Promise<string> {
    const options = { cwd: directory, timeout: 60_000 };
    const { stdout, stderr } = await run(TOOL, ['--reader', name, ...args], options);
    return stdout + stderr;
  }

  const act = (action: string, ...args: string[]) => tool('--action', action, ...args);
  const file = (called: string) => readFile(join(directory, called), 'utf8');

  test('reports version, serial number and certificate', async () => {
    const status = await act('status');
    expect(status).toContain('Version:\t5.4.3');
    expect(status).toContain('Serial Number:\t1234567');
    expect(status).toContain('Algorithm:\tECCP256');
    expect(status).toContain('Subject DN:\tCN=Alice');
  });

  test('verifies the PIN, and a signature against the certificate', async () => {
    await act('read-certificate', '--slot', '9a', '--output', 'certificate.pem');
    const args = [
      '--pin',
      '123456',
      '--action',
      'test-signature',
      '--slot',
      '9a',
      '--input',
      'certificate.pem',
    ];
    expect(await act('verify-pin', ...args)).toContain('Successful ECDSA verification.');
  });

  test.each([
    ['RSA1024', '9a'],
    ['RSA2048', '9c'],
    ['ECCP256', '9d'],
    ['ECCP384', '82'],
  ])('lets the card make a key of %s in slot %s, and attest it', async (algorithm, slot) => {
    await act('generate', '--slot', slot, '--algorithm', algorithm, '--output', 'public.pem');
    const attestation = new X509Certificate(await act('attest', '--slot', slot));
    const pem = attestation.publicKey.export({ type: 'spki', format: 'pem' });
    expect(pem.toString().trim()).toBe((await file('public.pem')).trim());
  });

  test('imports a key and a certificate, and we sign with it', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-384' });
    await writeFile(join(directory, 'key.pem'), privateKey.export({ type: 'sec1', format: 'pem' }));
    expect(createPrivateKey(await file('key.pem')).type).toBe('private');
    await act('import-key', '--slot', '9e', '--input', 'key.pem');
    await act('import-certificate', '--slot', '9e', '--input', 'certificate.pem');
    expect(card.piv.certificates.get('9E')).toEqual(
      new Uint8Array(new X509Certificate(await file('certificate.pem')).raw),
    );
    const signature = await session.transaction(name, async (tx) => {
      await selectPiv(tx);
      return signMessage(tx, '9E', message, publicKey);
    });
    expect(verify('sha384', message, publicKey, signature)).toBe(true);
    await act('delete-certificate', '--slot', '9e');
    expect(card.piv.certificates.has('9E')).toBe(false);
  });

  test('changes the PIN and the PUK, and unblocks the PIN', async () => {
    const verified = (pin: string) =>
      session.transaction(name, async (tx) => {
        await selectPiv(tx);
        await verifyPin(tx, pin);
      });
    await act('change-pin', '--pin', '123456', '--new-pin', '654321');
    await verified('654321');
    await act('unblock-pin', '--pin', '12345678', '--new-pin', '123456');
    await verified('123456');
    await act('change-puk', '--pin', '12345678', '--new-pin', '87654321');
    await expect(act('unblock-pin', '--pin', '12345678', '--new-pin', '654321')).rejects.toThrow();
    expect(card.piv.puk.retriesLeft).toBe(2);
  });

  test('writes CHUID and CCC, and sets the management key', async () => {
    await act('set-chuid');
    await act('set-ccc');
    const guid = await session.transaction(name, async (tx) => {
      await selectPiv(tx);
      return readGuid(tx);
    });
    expect(guid).not.toEqual(card.piv.guid);
    const key = 'A1A2A3A4A5A6A7A8B1B2B3B4B5B6B7B8C1C2C3C4C5C6C7C8';
    await act('set-mgm-key', '--new-key', key);
    await expect(act('set-chuid')).rejects.toThrow('Failed authentication');
    expect(await act('set-chuid', `--key=${key}`)).toContain('Successfully set new CHUID.');
  });
});
