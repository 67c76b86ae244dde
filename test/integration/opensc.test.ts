import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Rig } from '../../src/testing/rig/index.js';
import { createPivCard, type PivCard } from '../../src/testing/virtual/index.js';
import { systemLibrary } from '../support/system-library.js';

const run = promisify(execFile);

const PIN = '314159';
/** 01 is what OpenSC calls the key and certificate of slot 9A. */
const AUTHENTICATION_KEY = '01';

const MODULE = systemLibrary('opensc-pkcs11.so');

describe.runIf(MODULE !== undefined).each([
  { algorithm: 'RSA2048', mechanism: ['--mechanism', 'SHA256-RSA-PKCS'] },
  { algorithm: 'P256', mechanism: ['--mechanism', 'ECDSA-SHA256', '--signature-format', 'openssl'] },
] as const)(
  'OpenSC, which knows nothing of us, and a virtual PIV card with $algorithm',
  ({ algorithm, mechanism }) => {
    let rig: Rig;
    let card: PivCard;
    let directory: string;

    beforeAll(async () => {
      rig = await Rig.start({ slots: 1 });
      const port = rig.readers[0]?.port ?? 0;
      card = await createPivCard({ port, algorithm, pin: PIN, subject: 'Alice' });
      directory = await mkdtemp(join(tmpdir(), 'opensc-'));
    });

    afterAll(async () => {
      await card?.remove();
      await rig?.[Symbol.asyncDispose]();
      if (directory !== undefined) await rm(directory, { recursive: true });
    });

    /** Runs a program with the rig's pcscd and returns its output. */
    async function tool(program: string, ...args: string[]): Promise<string> {
      const { stdout } = await run(program, args, { cwd: directory, env: { ...process.env, ...rig.env } });
      return stdout;
    }

    function pkcs11(pin: string, ...args: string[]): Promise<string> {
      return tool('pkcs11-tool', '--module', MODULE ?? '', '--login', '--pin', pin, ...args);
    }

    test('opensc-tool reports a PIV card', async () => {
      expect(await tool('opensc-tool', '--name')).toContain('Personal Identity Verification Card');
    });

    test('OpenSC reads the certificate of the card', async () => {
      await tool('pkcs15-tool', '--read-certificate', AUTHENTICATION_KEY, '--output', 'certificate.pem');
      const der = Buffer.from(card.piv.certificate ?? []).toString('base64');
      const pem = await readFile(join(directory, 'certificate.pem'), 'utf8');
      expect(pem.replace(/-----[^-]+-----|\s/g, '')).toBe(der);
      expect(await tool('openssl', 'x509', '-in', 'certificate.pem', '-noout', '-subject')).toContain(
        'Alice',
      );
    });

    test('OpenSC signs after login, and openssl verifies the signature with that certificate', async () => {
      await writeFile(join(directory, 'message'), 'a message to sign');
      const files = ['--input-file', 'message', '--output-file', 'signature'];
      await pkcs11(PIN, '--sign', '--id', AUTHENTICATION_KEY, ...mechanism, ...files);

      await tool('pkcs15-tool', '--read-certificate', AUTHENTICATION_KEY, '--output', 'signer.pem');
      await tool('openssl', 'x509', '-in', 'signer.pem', '-noout', '-pubkey', '-out', 'key.pem');
      const verify = ['dgst', '-sha256', '-verify', 'key.pem', '-signature', 'signature', 'message'];
      expect(await tool('openssl', ...verify)).toContain('Verified OK');
    });

    test('a wrong PIN is rejected and costs a try', async () => {
      await writeFile(join(directory, 'message'), 'not to be signed');
      const sign = pkcs11('000000', '--sign', '--id', AUTHENTICATION_KEY, ...mechanism, '-i', 'message');
      await expect(sign).rejects.toMatchObject({ stderr: expect.stringContaining('CKR_PIN_INCORRECT') });
      expect(card.piv.pin.retriesLeft).toBe(2);
    });
  },
);
