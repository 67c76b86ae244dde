/** waits.mjs READER FREE-READER: ends waits for a card that another process holds. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { CardBridge } from 'pcsc-bridge';
import { failure, report } from './report.mjs';

const [reader, freeReader] = process.argv.slice(2);
const bridge = new CardBridge();
const session = await bridge.openSession();
const card = await session.connect(reader);
const free = await session.connect(freeReader);
console.log('connected');

/** How an operation ended, and after how many milliseconds. */
async function timed(operation) {
  const start = performance.now();
  const outcome = await operation().then(() => 'done', failure);
  return { name: outcome.name ?? outcome, took: performance.now() - start };
}

let waiting = await timed(() => card.transaction(() => {}, { timeout: 300 }));
while (waiting.name === 'done') {
  // The other process does not hold it yet.
  await sleep(20);
  waiting = await timed(() => card.transaction(() => {}, { timeout: 300 }));
}
const abort = new AbortController();
setTimeout(() => abort.abort(), 300);
const answer = {
  transactionTimeout: waiting,
  transactionAbort: await timed(() => card.transaction(() => {}, { signal: abort.signal })),
  connectTimeout: await timed(() => session.connect(reader, { timeout: 300 })),
};
// Meanwhile more operations wait than libuv's pool has threads, and other work is not affected.
const others = [1, 2, 3, 4, 5, 6].map(() => session.connect(reader));
for (const other of others) other.catch(() => {});
answer.freeTransmit = await timed(() => free.transmit(Uint8Array.from([0, 0xa4, 4, 0, 5, 0xa0, 0, 0, 3, 8])));
answer.readFile = await timed(() => readFile(process.argv[1]));
console.log('let go');

// The same card object, once it is free.
answer.afterwards = await timed(() => card.transaction(() => {}));
report(answer);
await bridge.close();
