/** What sessions do, at random, and which errors they may meet. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { logon, readCertificate, retriesLeft, selectPiv, sign } from '../../dist/piv/index.js';
import { DEFAULT_PIN } from '../../dist/testing/virtual/index.js';

/** No operation may take longer, whatever happens to the service. */
const limit = 8000;
export const stuckAfter = 30_000;

const always = ['TIMEOUT_ERR', 'ABORT_ERR'];
/** Other sessions reset the card between the calls of a program that takes no transaction. */
const betweenCalls = ['SCARD_W_RESET_CARD'];
const cardGone = [
  'SCARD_W_REMOVED_CARD',
  'SCARD_W_UNPOWERED_CARD',
  'SCARD_W_UNRESPONSIVE_CARD',
  'SCARD_E_NO_SMARTCARD',
  'SCARD_E_COMM_DATA_LOST',
  'SCARD_E_NOT_TRANSACTED',
  'SCARD_E_PROTO_MISMATCH',
  'SCARD_W_RESET_CARD',
];
const serviceGone = [
  ...cardGone,
  'SCARD_E_NO_SERVICE',
  'SCARD_F_COMM_ERROR',
  'SCARD_E_SERVICE_STOPPED',
  'SCARD_E_READER_UNAVAILABLE',
  'SCARD_E_UNKNOWN_READER',
  'SCARD_E_INVALID_HANDLE',
  // pcscd accepts a connection and dies before it answers.
  'SCARD_W_SECURITY_VIOLATION',
];

export const allowed = { always, betweenCalls, cardGone, serviceGone };

const digest = new Uint8Array(32).fill(7);

/** A violation of an invariant, which no fault excuses. */
export class Violation extends Error {}

/** Operations of a session in a reader: each resolves, or rejects with a documented error. */
export const operations = {
  async 'logon through the cache'(session, reader) {
    await session.transaction(reader, (tx) => logon(tx, DEFAULT_PIN), { timeout: limit });
  },

  async 'logon on a card of its own'(session, reader) {
    await closing(session.connect(reader, { timeout: limit }), (card) =>
      card.transaction((tx) => logon(tx, DEFAULT_PIN), { timeout: limit }),
    );
  },

  async 'logon that is aborted'(session, reader, random) {
    const signal = AbortSignal.timeout(random.between(1, 60));
    await session.transaction(reader, (tx) => logon(limited(tx, { signal }), DEFAULT_PIN), { signal });
  },

  async 'logon with a short timeout'(session, reader, random) {
    const options = { timeout: random.between(1, 60) };
    await session.transaction(reader, (tx) => logon(limited(tx, options), DEFAULT_PIN), options);
  },

  async 'callback that throws'(session, reader) {
    const error = new Error('on purpose');
    const thrown = await session
      .transaction(
        reader,
        () => {
          throw error;
        },
        { timeout: limit },
      )
      .catch((one) => one);
    if (thrown !== error) throw thrown ?? new Violation('the error of a callback is lost');
  },

  async 'transmit without a transaction'(session, reader) {
    await closing(session.connect(reader, { timeout: limit }), async (card) => {
      await card.transmit(Uint8Array.of(0, 0xa4, 4, 0), { timeout: limit });
      await card.status({ timeout: limit });
    });
  },

  async 'list of readers'(session) {
    await session.listReaders({ timeout: limit });
  },

  async watch(session, _, random) {
    const watch = session.watch();
    const closed = sleep(random.between(5, 200)).then(() => watch.close());
    for await (const event of watch) if (!event.type) throw new Violation('an event has no type');
    await closed;
  },

  async 'logon in a worker that is ended'(_, reader, random) {
    const worker = new Worker(new URL('worker.mjs', import.meta.url), {
      workerData: { reader, exits: random.next() < 0.5, ms: random.between(20, 200) },
    });
    const error = new Promise((resolve) => worker.once('error', resolve));
    const exit = new Promise((resolve) => worker.once('exit', () => resolve(undefined)));
    // Node 20 leaks the descriptors of files that a worker is reading when it is terminated.
    const loaded = new Promise((resolve) => worker.once('message', resolve));
    await Promise.race([loaded, error, exit]);
    await sleep(random.between(0, 300));
    await worker.terminate();
    const failure = await Promise.race([error, exit]);
    if (failure) throw failure;
  },
};

/** A new session. It must not find the PIN of another one verified. */
export async function checkPinState(bridge, identity, reader) {
  await closing(bridge.openSession(identity), (session) =>
    session.transaction(reader, expectNoPin, { timeout: limit }),
  );
}

async function expectNoPin(tx) {
  await selectPiv(tx);
  if ((await retriesLeft(tx)) === undefined) throw new Violation('the PIN of another session is verified');
  const { publicKey } = await readCertificate(tx, '9A');
  const signed = await sign(tx, '9A', digest, publicKey).catch((error) => error);
  if (signed instanceof Uint8Array) throw new Violation('a session has signed with the PIN of another one');
  if (signed.code !== 'PIV_PIN_REQUIRED') throw signed;
}

/** Uses a resource, and closes it. */
export async function closing(opening, use) {
  const opened = await opening;
  try {
    return await use(opened);
  } finally {
    await opened.close();
  }
}

function limited(tx, options) {
  return {
    reader: tx.reader,
    transmit: (apdu) => tx.transmit(apdu, options),
    exchange: (command) => tx.exchange(command, options),
  };
}
