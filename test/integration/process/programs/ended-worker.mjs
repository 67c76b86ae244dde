/**
 * A worker that is ended in the middle of a call. It says `prepared`, makes its call when it is told `go`, says `calls`
 * if the card itself cannot tell that the call is under way, and ends itself when it is told `end`.
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

/** Each worker watches, too. */
async function watch() {
  for await (const event of session.watch()) void event;
}

/** What another process holds up: this is under way soon after it has begun, and nothing tells when. */
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
// A rejection is the end of this worker that the other side did not ask for.
await makeCall();
