/** Programs that know nothing of us, through OpenSC's and Yubico's PKCS #11 modules, with a card of each key type. */
import { execFile } from 'node:child_process';
import { verify, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPivCard, type PivCard } from '../../../src/testing/virtual/index.js';
import { readerAt, startRig } from '../../support/rig.js';
import { systemLibrary } from '../../support/system-library.js';

const run = promisify(execFile);

const PIN = '314159';
const OPENSC = systemLibrary('opensc-pkcs11.so');
const YKCS11 = systemLibrary('libykcs11.so.2');
const P11TOOL = '/usr/bin/p11tool';
const SSHD = '/usr/sbin/sshd';
const ENGINE = systemLibrary('engines-3/pkcs11.so');
/** The key of slot 9A, in both modules. */
const KEY = 'pkcs11:id=%01;type=private';

const KEYS = [
  { algorithm: 'RSA1024', mechanism: 'SHA256-RSA-PKCS', ssh: 'ssh-rsa', hash: 'sha256' },
  { algorithm: 'RSA2048', mechanism: 'SHA256-RSA-PKCS', ssh: 'ssh-rsa', hash: 'sha256' },
  { algorithm: 'RSA3072', mechanism: 'SHA256-RSA-PKCS', ssh: 'ssh-rsa', hash: 'sha256' },
  { algorithm: 'P256', mechanism: 'ECDSA-SHA256', ssh: 'ecdsa-sha2-nistp256', hash: 'sha256' },
  { algorithm: 'P384', mechanism: 'ECDSA-SHA384', ssh: 'ecdsa-sha2-nistp384', hash: 'sha384' },
] as const;

describe.skipIf(OPENSC === undefined)('through PKCS #11 (needs opensc-pkcs11)', async () => {
  // Yubico's module looks for this word in the name of the reader.
  const rig = await startRig({ slots: 1, names: 'Yubico YubiKey' });
  const directory = await mkdtemp(join(tmpdir(), 'pkcs11-'));
  afterAll(() => rm(directory, { recursive: true }));
  const module = OPENSC ?? '';

  /** Runs a program with the rig's pcscd. */
  function outcome(program: string, args: string[], env: NodeJS.ProcessEnv = {}) {
    return run(program, args, { cwd: directory, env: { ...process.env, ...env }, timeout: 60_000 });
  }

  /** Runs a program and returns what it prints. */
  async function tool(program: string, args: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
    return (await outcome(program, args, env)).stdout;
  }

  function insert(algorithm: (typeof KEYS)[number]['algorithm'] | 'RSA4096' | 'Ed25519'): Promise<PivCard> {
    return createPivCard({ port: readerAt(rig).port, algorithm, pin: PIN, subject: 'Alice', yubico: true });
  }

  describe.each(KEYS)('a card with a key of $algorithm', ({ algorithm, mechanism, ssh, hash }) => {
    let card: PivCard;
    beforeAll(async () => {
      card = await insert(algorithm);
      await writeFile(join(directory, 'message'), 'a message to sign');
    });
    afterAll(() => card?.remove());

    const publicKey = () => new X509Certificate(card.piv.certificate ?? '').publicKey;
    const matches = async () =>
      verify(
        hash,
        Buffer.from('a message to sign'),
        publicKey(),
        await readFile(join(directory, 'signature')),
      );

    test('passes pkcs11-tool --test', async () => {
      const tested = await tool('pkcs11-tool', ['--module', module, '--login', '--pin', PIN, '--test']);
      expect(tested).toContain('No errors');
    });

    test.skipIf(!existsSync(P11TOOL))('is listed, and signs for p11tool (needs gnutls-bin)', async () => {
      const listed = await tool(P11TOOL, ['--provider', module, '--list-all-certs']);
      expect(listed).toContain('Type: X.509 Certificate');
      const login = ['--login', `--set-pin=${PIN}`];
      const signed = await outcome(P11TOOL, ['--provider', module, ...login, '--test-sign', KEY]);
      expect(signed.stderr).toContain('Verifying against public key in the token... ok');
    });

    test.skipIf(ENGINE === undefined)('signs for openssl (needs libengine-pkcs11-openssl)', async () => {
      const sections = ['openssl_conf = init', '[init]', 'engines = engines', '[engines]', 'pkcs11 = pkcs11'];
      const engine = ['[pkcs11]', 'engine_id = pkcs11', `MODULE_PATH = ${module}`, 'init = 0', ''];
      await writeFile(join(directory, 'openssl.cnf'), [...sections, ...engine].join('\n'));
      const key = ['-engine', 'pkcs11', '-keyform', 'engine', '-sign', `${KEY};pin-value=${PIN}`];
      const OPENSSL_CONF = join(directory, 'openssl.cnf');
      await tool('openssl', ['dgst', `-${hash}`, ...key, '-out', 'signature', 'message'], { OPENSSL_CONF });
      expect(await matches()).toBe(true);
    });

    test.skipIf(!existsSync(SSHD))(
      'is a key of ssh, which logs in with it (needs openssh-server)',
      async () => {
        const keys = await tool('ssh-keygen', ['-D', module]);
        // OpenSSH takes RSA keys from 2048 bits, but lists smaller ones.
        expect(keys).toMatch(new RegExp(`^${ssh} `));
        if (algorithm === 'RSA1024') return;
        await logIn(keys);
      },
    );

    test.skipIf(YKCS11 === undefined || algorithm === 'RSA3072')(
      "signs through Yubico's own module (needs ykcs11)",
      async () => {
        const format = algorithm.startsWith('P') ? ['--signature-format', 'openssl'] : [];
        const files = ['--input-file', 'message', '--output-file', 'signature'];
        const key = ['--sign', '--id', '01', '--mechanism', mechanism, ...format];
        await tool('pkcs11-tool', ['--module', YKCS11 ?? '', '--login', '--pin', PIN, ...key, ...files]);
        expect(await matches()).toBe(true);
      },
    );
  });

  /** An sshd of this user, over pipes instead of the network. */
  async function logIn(authorized: string): Promise<void> {
    const file = (name: string) => join(directory, name);
    await rm(file('host'), { force: true });
    await tool('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file('host')]);
    await writeFile(file('authorized'), authorized);
    await writeFile(file('ask-pin'), `#!/bin/sh\necho ${PIN}\n`, { mode: 0o700 });
    const server = [`HostKey ${file('host')}`, `AuthorizedKeysFile ${file('authorized')}`, 'StrictModes no'];
    const more = ['UsePAM no', 'PidFile none', 'PasswordAuthentication no', 'PermitRootLogin yes', ''];
    await writeFile(file('sshd_config'), [...server, ...more].join('\n'));
    if (userInfo().uid === 0) await mkdir('/run/sshd', { recursive: true });
    const options = [
      `PKCS11Provider=${module}`,
      'IdentityFile=none',
      'StrictHostKeyChecking=no',
      'UserKnownHostsFile=/dev/null',
      `ProxyCommand=${SSHD} -i -f ${file('sshd_config')}`,
    ];
    const args = ['-F', 'none', ...options.flatMap((option) => ['-o', option])];
    const env = { SSH_ASKPASS: file('ask-pin'), SSH_ASKPASS_REQUIRE: 'force' };
    const said = await tool('ssh', [...args, `${userInfo().username}@card`, 'echo logged in'], env);
    expect(said).toBe('logged in\n');
  }

  // What does not work, so that a newer OpenSC or OpenSSH that can is noticed: docs/compatibility.md.
  test('OpenSC 0.23 reads the certificate of an Ed25519 key, but does not offer the key', async () => {
    const card = await insert('Ed25519');
    try {
      const listed = await tool('pkcs15-tool', ['--dump']);
      expect(listed).toContain('X.509 Certificate [Certificate for PIV Authentication]');
      expect(listed).not.toContain('Private');
      const pem = await tool('pkcs15-tool', ['--read-certificate', '01']);
      expect(new X509Certificate(pem).publicKey.asymmetricKeyType).toBe('ed25519');
    } finally {
      await card.remove();
    }
  });

  test('OpenSC 0.23 lists an RSA 4096 key, and ssh-keygen prints it', async () => {
    const card = await insert('RSA4096');
    try {
      expect(await tool('pkcs15-tool', ['--dump'])).toContain('Private RSA Key [PIV AUTH key]');
      expect(await tool('ssh-keygen', ['-D', module])).toMatch(/^ssh-rsa /);
    } finally {
      await card.remove();
    }
  }, 60_000);
});
