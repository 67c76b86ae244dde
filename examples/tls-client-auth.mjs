/**
 * TLS client authentication with the card's key: waits for a PIV card, shows its certificate to an https server, and
 * the card proves that it has the key to it.
 *
 *   PCSC_BRIDGE_PIN=123456 node examples/tls-client-auth.mjs https://example.org/
 *
 * Node's TLS takes a private key that it cannot have from an OpenSSL engine only; this one is libp11's, which asks
 * OpenSC (Debian: libengine-pkcs11-openssl, opensc-pkcs11). An engine blocks the thread that it is called on for as
 * long as the card takes, or somebody else holds it, and cannot be told to stop. So the TLS connection lives in a process
 * of its own, which can: this one waits for the card, reads the certificate, and verifies the PIN once.
 *
 * NODE_EXTRA_CA_CERTS names a file with the server's CA, where that is one of your own. The engine and the module
 * are looked for where Debian has them, unless OPENSSL_ENGINES (a directory) and PKCS11_MODULE_PATH (a file) say more.
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
 * @property {string} cert the card's, as PEM
 * @property {string} token the card's serial number, as OpenSC tells it
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
 * The first card that is there, or comes, its PIN verified.
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
          // A wrong PIN is told here, and costs one try: OpenSC would be asked for no reason.
          await verifyPin(held, pin);
          return { reader, certificate, token: toHex(guid.subarray(8)).toLowerCase() };
        },
        // The process below verifies the PIN for itself.
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
 * @returns {Promise<number>} its exit status
 */
async function inItsOwnProcess(errand) {
  // The PIN goes through the channel between the two: everybody can read a command line, and the environment stays.
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
    // RFC 7512. 01 is what OpenSC calls the key of slot 9A.
    privateKeyIdentifier: `pkcs11:serial=${token};id=%01;type=private?pin-value=${encodeURIComponent(pin)}`,
    // An agent of its own, so that the connection ends with the answer.
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
