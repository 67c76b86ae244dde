import { expect, test } from 'vitest';
import { runChild } from '../../support/child.js';
import { insertPiv, startRig } from '../../support/rig.js';
import { slowness } from '../../support/time.js';

const RUNS = slowness > 1 ? 6 : 12;

const rig = await startRig({ slots: 4 });
await Promise.all(rig.readers.map((_, slot) => insertPiv(rig, slot)));
const readers = rig.readers.map(({ name }) => name);

/** Six sessions that connect, run transactions, watch and abort calls without pause, until they are stopped. */
const busy = (bridge: string) => `
  const { CardBridge } = await import(${bridge});
  const own = new CardBridge();
  const readers = ${JSON.stringify(readers)};
  const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00);
  async function keepBusy(id) {
    const session = await own.openSession({ id, connectTime: BigInt(id) });
    const reader = readers[id % readers.length];
    for (;;) {
      try {
        const card = await session.connect(reader, { timeout: 50 });
        await card.transaction((tx) => tx.transmit(select), { timeout: 20 });
        await session.transaction(reader, (tx) => tx.transmit(select), { timeout: 20 });
        if (Math.random() < 0.7) await card.close();
        if (Math.random() < 0.2) {
          const watch = session.watch();
          await watch.next();
          if (Math.random() < 0.5) watch.close();
        }
      } catch (error) {
        if (!['TimeoutError', 'PcscError'].includes(error.name)) throw error;
      }
    }
  }
  for (let id = 1; id <= 6; id++) void keepBusy(id);
`;

test(
  `${RUNS} busy processes terminate their workers and then exit, without a crash`,
  async () => {
    for (let run = 0; run < RUNS; run++) {
      const ms = (250 + run * 25) * slowness;
      const { code, signal, stderr } = await runChild(`
      import { Worker } from 'node:worker_threads';
      const program = ${JSON.stringify(busy('BRIDGE'))}.replace('BRIDGE', JSON.stringify(bridge));
      const source = 'data:text/javascript,' + encodeURIComponent(program);
      const workers = [1, 2, 3].map(() => new Worker(new URL(source)));
      for (const worker of workers) worker.on('error', (error) => console.error(error));
      await import(source);
      setTimeout(() => workers[0].terminate(), ${ms * 0.6});
      setTimeout(() => workers[1].terminate(), ${ms * 0.8});
      setTimeout(() => process.exit(9), ${ms});`);
      expect(stderr).toBe('');
      expect({ code, signal }).toEqual({ code: 9, signal: null });
    }
  },
  60_000 * slowness,
);
