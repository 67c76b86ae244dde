import { expect, test } from 'vitest';
import type { Card } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, median } from '../../support/time.js';
import { daemonOf, growth, usage } from '../../support/usage.js';
import { listWithPcscScan } from '../rig/helpers.js';

/** More than pcscd's 200 contexts. */
const WAITS = 230;
/**
 * Threads, descriptors and contexts that a held reader may cost, regardless of the number of calls that waited for it.
 */
const MARGIN = 4;

const rig = await startRig({ slots: 4 });
await insertPiv(rig, 0);
await insertPiv(rig, 2);
const daemon = daemonOf(rig);
const { name: held } = readerAt(rig, 0);
const { name: free } = readerAt(rig, 2);
const bridge = openBridge();
const session = await bridge.openSession();
const freeCard = await session.connect(free);

/** Has no cached card. */
const newcomer = await bridge.openSession({ id: 77, connectTime: 133_000_000_000_000_000n });

const waits = {
  'session.connect': () => session.connect(held, { timeout: 20 }),
  'session.transaction on a cached card': () => session.transaction(held, () => {}, { timeout: 20 }),
  'session.transaction without a cached card': () => newcomer.transaction(held, () => {}, { timeout: 20 }),
};

test.for(Object.entries(waits))(
  `${WAITS} timeouts of %s behind a holder do not slow others down`,
  { timeout: 60_000 },
  async ([, wait]) => {
    // What the first use of each allocates for good.
    await session.transaction(held, (transaction) => transaction.transmit(selectPiv));
    await session.transaction(free, (transaction) => transaction.transmit(selectPiv));
    await session.listReaders();
    await using _holder = await CardHold.start(held);
    const before = usage(daemon);
    const idle = await transmitTime(freeCard);

    for (let i = 0; i < WAITS; i++) {
      expect(await errorOf(wait())).toMatchObject({ name: 'TimeoutError' });
    }

    const busy = await transmitTime(freeCard);
    // Below a tenth of a millisecond the clock and the scheduler are measured.
    expect(busy, `${idle.toFixed(3)} ms before, ${busy.toFixed(3)} ms now`).toBeLessThan(
      3 * Math.max(idle, 0.1),
    );
    expect(await session.transaction(free, (transaction) => sw(transaction, selectPiv))).toBe(0x9000);
    expect(growth(before, usage(daemon), MARGIN)).toEqual({});
    expect(await listWithPcscScan(rig)).toEqual(rig.readers.map(({ name }) => name));
    await using _another = await CardHold.start(free);
  },
);

test('when the holder ends its transaction, the reader works again, and nothing is left behind', async () => {
  await session.transaction(held, (transaction) => transaction.transmit(selectPiv));
  const before = usage(daemon);
  const holder = await CardHold.start(held);
  for (let i = 0; i < 20; i++) {
    await errorOf(session.connect(held, { timeout: 20 }));
    await errorOf(session.transaction(held, () => {}, { timeout: 20 }));
  }
  await holder.release();
  expect(await session.transaction(held, (transaction) => sw(transaction, selectPiv))).toBe(0x9000);
  const card = await session.connect(held);
  expect(await sw(card, selectPiv)).toBe(0x9000);
  await card.close();
  await expect.poll(() => growth(before, usage(daemon), 2), { timeout: 10_000 }).toEqual({});
});

/** Milliseconds of a transmit, median of many. */
async function transmitTime(card: Card): Promise<number> {
  const ms: number[] = [];
  for (let i = 0; i < 60; i++) {
    const start = performance.now();
    await card.transmit(selectPiv);
    ms.push(performance.now() - start);
  }
  return median(ms);
}
