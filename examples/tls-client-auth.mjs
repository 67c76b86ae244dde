/**
 * TLS client authentication with the key of a PIV card. The program waits for a card and presents its certificate to an
 * https server; the card proves that it has the key.
 *
 *   PCSC_BRIDGE_PIN=123456 node examples/tls-client-auth.mjs https://example.org/
 *
 * Node's TLS accepts a private key that it cannot read only through an OpenSSL engine. This program uses the engine of
 * libp11, which uses OpenSC (Debian: libengine-pkcs11-openssl, opensc-pkcs11). The engine blocks its thread while the
 * card works or another program holds it, and cannot be cancelled. So a child process, which can be killed, makes the TLS
 * connection. The parent process waits for the card, reads the certificate, and verifies the PIN once.
 *
 * If the server has its own CA, set NODE_EXTRA_CA_CERTS to a file with the CA's certificate. By default the engine and the
 * module are loaded from Debian's directories; OPENSSL_ENGINES (a directory) and PKCS11_MODULE_PATH (a file) override this.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:https';
import { fileURLToPath } from 'node:url';
import { CardBridge } from 'pcsc-bridge';
import { toHex } from 'pcsc-bridge/apdu';
import { readCertificate, readGuid, selectPiv, verifyPin } from 'pcsc-bridge/piv';

/**
 * @typedef {object} Errand
 * @property {string} url
 * @property {string} cert the certificate of the card, as PEM
 * @property {string} token the serial number of the card, as OpenSC reports it
 * @property {string} pin
 */

if (process.send !== undefined) {
  process.once('message', (errand) => fetchWithCard(/** @type {Errand} */ (errand)));
} else {
  try {
    await main();
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}

async function main() {
  const url = process.argv[2] ?? '';
  const pin = process.env['PCSC_BRIDGE_PIN'] ?? '';
  if (!url.startsWith('https:') || pin === '') {
    console.error('usage: PCSC_BRIDGE_PIN=... node examples/tls-client-auth.mjs https://...');
    process.exitCode = 2;
    return;
  }
  const { reader, certificate, token } = await cardThatComes(pin);
  console.log(`${reader}: ${certificate.subject}`);
  process.exitCode = await inItsOwnProcess({ url, pin, cert: certificate.toString(), token });
}

/**
 * Waits for the first card, and verifies its PIN.
 *
 * @param {string} pin
 */
async function cardThatComes(pin) {
  const bridge = new CardBridge();
  try {
    const session = await bridge.openSession();
    for await (const event of session.watch()) {
      if (event.type !== 'card-inserted') continue;
      const { reader } = event;
      return await session.transaction(
        reader,
        async (held) => {
          await selectPiv(held);
          const guid = await readGuid(held);
          const certificate = await readCertificate(held);
          // A wrong PIN is reported here and spends one try, before OpenSC is used at all.
          await verifyPin(held, pin);
          return { reader, certificate, token: toHex(guid.subarray(8)).toLowerCase() };
        },
        // The child process verifies the PIN again by itself.
        { timeout: 30_000, disposition: 'reset' },
      );
    }
    throw new Error('no card came');
  } finally {
    await bridge.close();
  }
}

/**
 * @param {Errand} errand
 * @returns {Promise<number>} the exit status of the child process
 */
async function inItsOwnProcess(errand) {
  // The PIN is sent over the IPC channel: every user can read a command line, and an environment variable stays set.
  const { PCSC_BRIDGE_PIN: _, ...own } = process.env;
  const debian = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`;
  const env = {
    OPENSSL_ENGINES: `${debian}/engines-3`,
    PKCS11_MODULE_PATH: `${debian}/opensc-pkcs11.so`,
    ...own,
  };
  const child = fork(fileURLToPath(import.meta.url), { env, signal: AbortSignal.timeout(60_000) });
  child.send(errand);
  const [code] = await once(child, 'exit');
  return code ?? 1;
}

/** @param {Errand} errand */
function fetchWithCard({ url, cert, token, pin }) {
  const request = get(url, {
    cert,
    privateKeyEngine: 'pkcs11',
    // RFC 7512. OpenSC uses the id 01 for the key of slot 9A.
    privateKeyIdentifier: `pkcs11:serial=${token};id=%01;type=private?pin-value=${encodeURIComponent(pin)}`,
    // A separate agent, so that the connection is closed after the response.
    agent: false,
  });
  request.on('response', (response) => {
    console.log(`${response.statusCode} ${response.statusMessage}`);
    response.pipe(process.stdout);
    response.on('end', () => process.disconnect());
  });
  request.on('error', (error) => {
    console.error(`${url}: ${error.message}`);
    process.exit(1);
  });
}
