/** The addon in the main thread and in three workers. */
import { once } from 'node:events';
import { isMainThread, parentPort, Worker } from 'node:worker_threads';
import { CardBridge } from 'pcsc-bridge';
import { report } from './report.mjs';

const bridge = new CardBridge();
const { identity } = await bridge.openSession();
if (isMainThread) {
  const workers = [1, 2, 3].map(() => new Worker(new URL(import.meta.url)));
  const ended = workers.map(async (worker) => (await once(worker, 'exit'))[0]);
  const told = await Promise.all(workers.map(async (worker) => (await once(worker, 'message'))[0]));
  report({ sessions: [identity.id, ...told], ends: await Promise.all(ended) });
} else {
  parentPort.postMessage(identity.id);
}
await bridge.close();
