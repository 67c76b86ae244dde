import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { openBridge } from '../../support/rig.js';
import { item, newCard } from './helpers.js';

const { items } = openBridge();
const addon = fileURLToPath(new URL('../../../build/Release/pcsc_bridge.node', import.meta.url));

/** Runs a program in a worker thread, with `native`, the addon, in scope; returns its result. */
async function inWorker(program: string, workerData: object): Promise<unknown> {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const native = require(${JSON.stringify(addon)});
    native.initialize((failure) => new Error(failure.code), () => []);
    (async () => { ${program} })().then(
      (result) => parentPort.postMessage({ result }),
      (error) => parentPort.postMessage({ error: error.message }),
    );`;
  const worker = new Worker(source, { eval: true, workerData });
  try {
    return await new Promise((resolve, reject) => {
      worker.once('message', ({ result, error }) => (error ? reject(new Error(error)) : resolve(result)));
      worker.once('error', reject);
    });
  } finally {
    await worker.terminate();
  }
}

test('a worker thread reads what the main thread wrote', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'cert', freshness: 2, data: item(20, 9) });
  const read = await inWorker(`return native.readItem(workerData.cardId, 'cert', 2);`, { cardId });
  expect(read).toEqual(item(20, 9));
});

test('the main thread reads what a worker thread wrote, after that thread has ended', async () => {
  const cardId = newCard();
  await inWorker(`await native.writeItem(workerData.cardId, 'cert', 0, Uint8Array.of(1, 2, 3));`, { cardId });
  expect(await items.read({ cardId, name: 'cert' })).toEqual(Uint8Array.of(1, 2, 3));
});

test('an item that a worker thread finds stale is deleted for all threads', async () => {
  const cardId = newCard();
  await items.write({ cardId, name: 'cert', data: item(1) });
  await expect(inWorker(`await native.readItem(workerData.cardId, 'cert', 1);`, { cardId })).rejects.toThrow(
    'SCARD_W_CACHE_ITEM_STALE',
  );
  await expect(items.read({ cardId, name: 'cert' })).rejects.toMatchObject({
    code: 'SCARD_W_CACHE_ITEM_NOT_FOUND',
  });
});
