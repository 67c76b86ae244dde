/** examples/tls-client-auth.mjs: a card's key authenticates a TLS client, by OpenSC, which is not ours. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createPivCard, type PivCard } from '../../../src/testing/virtual/index.js';
import { startExample } from '../../support/example.js';
import { readerAt, startRig, takeOut } from '../../support/rig.js';
import { systemLibrary } from '../../support/system-library.js';

const engine = systemLibrary('engines-3/pkcs11.so');
const PKCS11_MODULE_PATH = systemLibrary('opensc-pkcs11.so');
const parts = engine !== undefined && PKCS11_MODULE_PATH !== undefined;
const PIN = '271828';

describe.skipIf(!parts)('tls-client-auth (needs libengine-pkcs11-openssl, opensc-pkcs11)', async () => {
  const rig = await startRig({ slots: 2 });
  const { name: reader, port } = readerAt(rig);

  const directory = mkdtempSync(join(tmpdir(), 'tls-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  const files = { key: join(directory, 'key.pem'), cert: join(directory, 'cert.pem') };
  const days = ['-days', '2', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', files.key];
  execFileSync('openssl', ['req', '-x509', ...key, '-out', files.cert, ...days], { stdio: 'pipe' });

  let virtual: PivCard;
  let server: Server;
  let url = '';
  let connections = 0;
  afterEach(async () => {
    server.close();
    await takeOut(virtual);
  });

  /** A card, and a server that accepts only clients with its key. */
  async function setUp(algorithm: 'P256' | 'RSA2048'): Promise<void> {
    virtual = await createPivCard({ port, algorithm, pin: PIN, subject: 'Alice' });
    const der = Buffer.from(virtual.piv.certificate ?? []).toString('base64');
    const pem = `-----BEGIN CERTIFICATE-----\n${der.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`;
    const { cert } = files;
    const options = { cert: readFileSync(cert), key: readFileSync(files.key), ca: pem, requestCert: true };
    server = createServer(options, (request, response) => {
      const socket = request.socket as TLSSocket;
      response.end(`${socket.getPeerCertificate().subject.CN}, ${socket.getProtocol()}\n`);
    });
    connections = 0;
    server.on('connection', () => {
      connections++;
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
    url = `https://localhost:${(server.address() as AddressInfo).port}/`;
  }

  function start(pin: string) {
    const env = {
      PCSC_BRIDGE_PIN: pin,
      NODE_EXTRA_CA_CERTS: files.cert,
      OPENSSL_ENGINES: dirname(engine ?? ''),
    };
    return startExample('tls-client-auth.mjs', { ...env, PKCS11_MODULE_PATH }, [url]);
  }

  test.each(['P256', 'RSA2048'] as const)(
    'the server authenticates the client, by a key %s',
    async (algorithm) => {
      await setUp(algorithm);
      const { ended, lines } = start(PIN);
      expect(await ended).toMatchObject({ code: 0, stderr: '' });
      expect(lines()).toEqual([`${reader}: CN=Alice`, '200 OK', 'Alice, TLSv1.3']);
      expect(virtual.piv.pin.retriesLeft).toBe(3);
    },
  );

  test('of two cards the one whose certificate was shown signs', async () => {
    await setUp('P256');
    const second = await createPivCard({ port: readerAt(rig, 1).port, pin: PIN, subject: 'Bob' });
    const { ended, lines } = start(PIN);
    expect(await ended).toMatchObject({ code: 0, stderr: '' });
    expect(lines()).toContain('Alice, TLSv1.3');
    await takeOut(second);
  });

  describe('on a card with a key P256', () => {
    beforeEach(() => setUp('P256'));

    test('a wrong PIN costs one try, and no connection is made', async () => {
      const { ended } = start('999999');
      expect(await ended).toMatchObject({
        code: 1,
        stderr: 'The PIN is wrong: verification failed, 2 tries left (status word 63C2).\n',
      });
      expect(virtual.piv.pin.retriesLeft).toBe(2);
      expect(connections).toBe(0);
    });

    test('a server that does not exist is reported', async () => {
      server.close();
      const { ended } = start(PIN);
      expect(await ended).toMatchObject({ code: 1, stderr: expect.stringContaining('ECONNREFUSED') });
    });
  });
});
