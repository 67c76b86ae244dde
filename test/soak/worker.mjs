/** Logs on in an endless loop, until it is terminated or ends itself. */
import { parentPort, workerData } from 'node:worker_threads';
import { CardBridge } from '../../dist/index.js';
import { logon } from '../../dist/piv/index.js';
import { DEFAULT_PIN } from '../../dist/testing/virtual/index.js';

const { reader, exits, ms } = workerData;
parentPort.postMessage('loaded');
if (exits) setTimeout(() => process.exit(0), ms);
const bridge = new CardBridge();
const session = await bridge.openSession({ id: 999, connectTime: 1n });
for (;;) {
  await session
    .transaction(reader, (tx) => logon(tx, DEFAULT_PIN), { timeout: 5000 })
    .catch((error) => {
      if (!['PcscError', 'TimeoutError'].includes(error.name)) throw error;
    });
}
