import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import {
  CardBridge,
  type ServiceReport,
  type TransactionReport,
  type WaitReport,
} from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
await insertPiv(rig, 1);
const { name: reader } = readerAt(rig, 0);
const { name: other } = readerAt(rig, 1);
const alice = { id: 2, connectTime: 133_772_904_000_000_000n };
const bob = { id: 3, connectTime: 133_772_904_000_000_000n };

const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** What a channel publishes from now until the end of the test. */
function heard<T>(name: string): T[] {
  const messages: T[] = [];
  const listener = (message: unknown) => messages.push(message as T);
  subscribe(name, listener);
  stops.push(() => unsubscribe(name, listener));
  return messages;
}

test('stats() counts sessions, transactions and cache lookups', async () => {
  await using bridge = new CardBridge({ maxEntries: 1 });
  expect(bridge.stats()).toMatchObject({
    sessions: 0,
    transactions: { waiting: 0, running: 0, begun: 0, failed: 0, givenUp: 0, waited: 0, waitedMs: 0 },
    cache: { entries: 0, leased: 0, hits: 0, misses: 0, evictions: 0, expirations: 0, resets: 0 },
  });
  await using session = await bridge.openSession(alice);
  for (let i = 0; i < 3; i++) {
    await session.transaction(reader, (transaction) => transaction.transmit(selectPiv));
  }
  await session.transaction(other, (transaction) => {
    expect(bridge.stats()).toMatchObject({ transactions: { running: 1 }, cache: { leased: 1 } });
    return transaction.transmit(selectPiv);
  });
  await errorOf(
    session.transaction(other, () => {
      throw new Error('on purpose');
    }),
  );
  const { sessions, transactions, cache } = bridge.stats();
  expect(sessions).toBe(1);
  expect(transactions).toMatchObject({ waiting: 0, running: 0, begun: 5, failed: 1, givenUp: 0 });
  // The second reader's card took the place of the first one's, which was reset; so was each at first use.
  expect(cache).toMatchObject({ entries: 1, leased: 0, hits: 3, misses: 2, evictions: 1 });
  expect(cache.resets).toBeGreaterThanOrEqual(1);
  await errorOf(session.transaction('No Such Reader', () => {}));
  expect(bridge.stats().transactions).toMatchObject({ waiting: 0, begun: 5, failed: 2, givenUp: 0 });
});

test('stats() counts entries that expire, and resets for a second identity', async () => {
  await using bridge = new CardBridge({ maxIdle: 30 });
  await using first = await bridge.openSession(alice);
  await using second = await bridge.openSession(bob);
  await first.transaction(reader, (transaction) => transaction.transmit(selectPiv));
  const before = bridge.stats().cache.resets;
  await second.transaction(reader, (transaction) => transaction.transmit(selectPiv));
  expect(bridge.stats().cache.resets).toBeGreaterThan(before);
  await expect.poll(() => bridge.stats().cache).toMatchObject({ entries: 0, expirations: 2 });
});

test('stats() counts contexts, which are opened with a connected card and released with it', async () => {
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  await session.listReaders();
  const before = bridge.stats().process.contexts;
  expect(before).toBeGreaterThanOrEqual(1);
  const card = await session.connect(reader);
  expect(bridge.stats().process.contexts).toBe(before + 1);
  await card.close();
  await expect.poll(() => bridge.stats().process.contexts).toBeLessThanOrEqual(before);
});

test('a transaction is published at its end, with how its card was found', async () => {
  const reports = heard<TransactionReport>('pcsc-bridge:transaction');
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  await session.transaction(reader, () => {}, { disposition: 'reset' });
  await session.transaction(reader, () => {});
  const failure = new Error('on purpose');
  await errorOf(
    session.transaction(reader, () => {
      throw failure;
    }),
  );
  await errorOf(session.transaction('No Such Reader', () => {}));
  const common = { session: alice, reader, waited: { ms: 0 } };
  expect(reports).toMatchObject([
    { ...common, cache: 'miss', disposition: 'reset', error: undefined },
    { ...common, cache: 'hit', disposition: 'leave', error: undefined },
    { ...common, cache: 'hit', disposition: 'reset', error: failure },
    {
      session: alice,
      reader: 'No Such Reader',
      cache: undefined,
      waited: undefined,
      duration: 0,
      disposition: undefined,
      error: { code: 'SCARD_E_UNKNOWN_READER' },
    },
  ]);
  for (const { duration } of reports.slice(0, 3)) expect(duration).toBeGreaterThan(0);
});

test('a wait is published when it ends, and when it is aborted or times out', async () => {
  const reports = heard<WaitReport>('pcsc-bridge:wait');
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  await session.transaction(reader, () => {});
  expect(reports).toEqual([]);
  const holder = await CardHold.start(reader);
  const givenUp = await errorOf(session.transaction(reader, () => {}, { timeout: 20 }));
  expect(bridge.stats().transactions).toMatchObject({ givenUp: 1, failed: 1, waiting: 0 });
  const behind = session.transaction(reader, (transaction) => transaction.waited);
  expect(bridge.stats().transactions.waiting).toBe(1);
  await sleep(150); // the duration of the wait
  await holder.release();
  const waited = await behind;
  expect(reports).toEqual([
    {
      session: session.identity,
      reader,
      waited: { ms: expect.any(Number), thisProcess: undefined, otherProcesses: undefined },
      error: givenUp,
    },
    { session: session.identity, reader, waited, error: undefined },
  ]);
  expect(reports[0]?.waited.ms).toBeGreaterThanOrEqual(19);
  expect(bridge.stats().transactions).toMatchObject({ waited: 1, waitedMs: waited.ms });
});

test('a service that stops and restarts is published while a watch runs', async () => {
  const reports = heard<ServiceReport>('pcsc-bridge:service');
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  const watch = session.watch();
  await watch.next();
  const before = bridge.stats().process.timesServiceLost;
  await rig.restartDaemon();
  await expect
    .poll(() => reports, { timeout: 10_000 })
    .toMatchObject([
      { state: 'lost', error: { name: 'PcscError' } },
      { state: 'restored', error: undefined },
    ]);
  expect(bridge.stats().process.timesServiceLost).toBe(before + 1);
});
