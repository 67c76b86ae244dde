/** A process and a worker that end while they listen and a client is connected. */
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { connectLocally, LocalServer } from 'pcsc-bridge/local';
import { report } from './report.mjs';

const path = isMainThread ? `\\\\.\\pipe\\pcsc-bridge-exit-${process.pid}` : workerData;
await LocalServer.listen({ path }, ({ socket }) => socket.write('here'));
await connectLocally(path);

if (isMainThread) {
  const worker = new Worker(new URL(import.meta.url), { workerData: `${path}-worker` });
  await new Promise((resolve) => worker.once('message', resolve));
  const terminated = await worker.terminate();
  report({ terminated });
  process.exit();
}
parentPort.postMessage('listening');
