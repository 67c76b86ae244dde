/**
 * A worker that is ended in the middle of a call. It sends `prepared`, makes its call when it receives `go`, sends
 * `calls` if the card itself cannot report that the call is in progress, and ends itself when it receives `end`.
 */
import { parentPort, workerData } from 'node:worker_threads';

const { root, reader, path, call, ending, select, slow } = workerData;
const { CardBridge } = await import(root);
const bridge = new CardBridge();
const session = await bridge.openSession();

const endings = {
  exit: () => process.exit(3),
  throw: () => {
    throw new Error('on purpose');
  },
};
const told = new Promise((go) => {
  parentPort.on('message', (message) => (message === 'go' ? go() : endings[ending]()));
});

/** Each worker also runs a watch. */
async function watch() {
  for await (const event of session.watch()) void event;
}

/** A call that another process blocks. It is in progress soon after it was made, but no event reports that. */
function waits(promise) {
  setTimeout(() => parentPort.postMessage('calls'), 20);
  return promise;
}

const cached = {
  lookup: () => () => waits(session.transaction(reader, () => {})),
  begin: async () => {
    await session.transaction(reader, () => {});
    return () => waits(session.transaction(reader, () => {}));
  },
  transmit: async () => {
    await session.transaction(reader, () => {});
    return () =>
      session.transaction(reader, async (tx) => {
        await tx.transmit(select);
        await tx.transmit(slow);
      });
  },
  exchange: async () => {
    await session.transaction(reader, () => {});
    return () =>
      session.transaction(reader, async (tx) => {
        await tx.transmit(select);
        await tx.exchange(slow);
      });
  },
  end: async () => () =>
    session.transaction(reader, () => void parentPort.postMessage('calls'), { disposition: 'reset' }),
};

const plain = {
  connect: () => () => waits(session.connect(reader)),
  begin: async () => {
    const card = await session.connect(reader);
    return () => waits(card.transaction(() => {}));
  },
  transmit: async () => {
    const card = await session.connect(reader);
    await card.transmit(select);
    return () => card.transmit(slow);
  },
  exchange: async () => {
    const card = await session.connect(reader);
    return () =>
      card.transaction(async (tx) => {
        await tx.transmit(select);
        await tx.exchange(slow);
      });
  },
  end: async () => {
    const card = await session.connect(reader);
    return () => card.transaction(() => void parentPort.postMessage('calls'), { disposition: 'reset' });
  },
};

void watch();
const makeCall = await { cached, plain }[path][call]();
parentPort.postMessage('prepared');
await told;
// If the call rejects, this worker ends too early.
await makeCall();
