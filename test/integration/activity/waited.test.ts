import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { Transaction } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
const { name: reader } = readerAt(rig, 0);
const alice = { id: 2, connectTime: 133_772_904_000_000_000n };
const bob = { id: 3, connectTime: 133_772_904_000_000_000n };
/** Milliseconds that the card is held. */
const HOLD = 150;

const bridge = openBridge();
const first = await bridge.openSession(alice);
const second = await bridge.openSession(bob);
const card = await first.connect(reader);
const waited = (transaction: Transaction) => transaction.waited;

/** Begins a transaction and holds it for a while; resolves when it has begun, with what settles at its end. */
async function hold(
  transact: (callback: () => Promise<void>) => Promise<void>,
): Promise<{ ended: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const ended = transact(async () => {
      resolve({ ended });
      await sleep(HOLD);
    });
    ended.catch(reject);
  });
}

const ways = {
  'session.transaction': (callback: (transaction: Transaction) => unknown) =>
    second.transaction(reader, callback),
  'card.transaction': (callback: (transaction: Transaction) => unknown) => card.transaction(callback),
};

for (const [name, run] of Object.entries(ways)) {
  test(`${name} on a free card reports no wait`, async () => {
    await run(() => {});
    expect(await run(waited)).toEqual({ ms: 0, thisProcess: 0, otherProcesses: 0 });
  });

  test(`${name} behind another process reports how long it waited`, async () => {
    await run(() => {}); // connected: the wait inside SCardConnect is not reported
    const holder = await CardHold.start(reader);
    const behind = run(waited);
    await sleep(HOLD);
    await holder.release();
    const { ms, thisProcess, otherProcesses } = (await behind) as Transaction['waited'];
    expect(otherProcesses).toBeGreaterThanOrEqual(HOLD * 0.9);
    expect(thisProcess).toBe(0);
    expect(ms).toBe(otherProcesses);
  });

  test(`${name} behind another session of this process reports how long it waited`, async () => {
    const holding = await hold((callback) => first.transaction(reader, callback));
    const { ms, thisProcess, otherProcesses } = (await run(waited)) as Transaction['waited'];
    await holding.ended;
    expect(thisProcess).toBeGreaterThanOrEqual(HOLD * 0.9);
    expect(otherProcesses).toBe(0);
    expect(ms).toBe(thisProcess);
  });
}

test('a transaction reports that it waited for another one of the same card object', async () => {
  const holding = await hold((callback) => card.transaction(callback));
  const { thisProcess, otherProcesses } = (await card.transaction(waited)) as Transaction['waited'];
  await holding.ended;
  expect(thisProcess).toBeGreaterThanOrEqual(HOLD * 0.9);
  expect(otherProcesses).toBe(0);
});
