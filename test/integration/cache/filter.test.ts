import { describe, expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { logOn } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { deferred, durationOf, errorOf, staysPending } from '../../support/time.js';

process.env['FilterCSPCardCacheByTSSessionConnectTime'] = '1';
const rig = await startRig({ slots: 4 });
const cards = await Promise.all([0, 1, 2].map((slot) => insertPiv(rig, slot)));
const readers = [0, 1, 2].map((slot) => readerAt(rig, slot).name);
const [first = ''] = readers;

/** Three sessions, each with its own card in the cache. */
async function threeSessions(bridge: CardBridge) {
  const sessions = [];
  for (const [index, reader] of readers.entries()) {
    const session = await bridge.openSession({ id: index + 1, connectTime: 100n + BigInt(index) });
    await session.transaction(reader, () => {});
    sessions.push(session);
  }
  return sessions;
}

function logOnAll(sessions: Awaited<ReturnType<typeof threeSessions>>) {
  return sessions.map((session, index) =>
    session.transaction(readers[index] ?? '', async (tx) => {
      expect(await logOn(tx, cards[index] as (typeof cards)[0])).toBe(true);
      return tx.lookup;
    }),
  );
}

describe('off: a lookup evaluates the entries of all sessions', () => {
  test('until one is the requested card', async () => {
    await using bridge = new CardBridge({ filter: 'off' });
    const sessions = await threeSessions(bridge);
    const lookup = await sessions[2]?.transaction(readers[2] ?? '', (tx) => tx.lookup);
    expect(lookup?.evaluated.map(({ reader }) => reader)).toEqual(readers);
    expect(bridge.cache.filter).toBe(false);
  });

  test('so one card that another process holds blocks every logon (KB949538)', async () => {
    await using bridge = new CardBridge({ filter: 'off' });
    const sessions = await threeSessions(bridge);
    const holder = await CardHold.start(first);
    const logons = logOnAll(sessions);
    for (const logon of logons) expect(await staysPending(logon)).toBe(true);
    await holder.release();
    const lookups = await Promise.all(logons);
    expect(lookups[1]?.evaluated[0]).toMatchObject({ reader: first, waited: true, valid: true });
  });

  test('so a card that a session of this process holds blocks every logon', async () => {
    await using bridge = new CardBridge({ filter: 'off' });
    const sessions = await threeSessions(bridge);
    const { promise: given, resolve: proceed } = deferred();
    const holding = sessions[0]?.transaction(first, () => given);
    const logon = sessions[1]?.transaction(readers[1] ?? '', () => 'on') as Promise<string>;
    expect(await staysPending(logon)).toBe(true);
    proceed();
    await holding;
    expect(await logon).toBe('on');
  });

  test('and a wait for another session’s card that times out leaves the entry in place', async () => {
    await using bridge = new CardBridge({ filter: 'off' });
    const sessions = await threeSessions(bridge);
    const holder = await CardHold.start(first);
    const logon = sessions[1]?.transaction(readers[1] ?? '', () => {}, { timeout: 100 });
    expect(await errorOf(logon as Promise<void>)).toMatchObject({ name: 'TimeoutError' });
    await holder.release();
    await sessions[1]?.transaction(readers[1] ?? '', () => {}, { timeout: 5000 });
    expect(bridge.cache.entries().map(({ reader }) => reader)).toEqual(readers);
  });
});

describe('on: a lookup evaluates only the entries of the caller’s session', () => {
  test('and no others', async () => {
    await using bridge = new CardBridge();
    const lookups = await Promise.all(logOnAll(await threeSessions(bridge)));
    for (const [index, lookup] of lookups.entries()) {
      expect(lookup?.evaluated.map(({ reader }) => reader)).toEqual([readers[index]]);
    }
    expect(bridge.cache.filter).toBe(true);
  });

  test('so only the owner of a card waits for the process that holds it', async () => {
    await using bridge = new CardBridge();
    const sessions = await threeSessions(bridge);
    const alone = await durationOf(Promise.all(logOnAll(sessions)));
    const holder = await CardHold.start(first);
    const [held, ...free] = logOnAll(sessions);
    expect(await durationOf(Promise.all(free))).toBeLessThan(5 * alone + 100);
    expect(await staysPending(held as Promise<unknown>)).toBe(true);
    await holder.release();
    await held;
  });
});

test('system: the filter follows the environment variable, which is read once', async () => {
  const bridge = new CardBridge({ filter: 'system' });
  expect(bridge.cache.filter).toBe(true);
  expect(bridge.filterSetting).toMatchObject({ on: true, stored: true, restartPending: false });
  process.env['FilterCSPCardCacheByTSSessionConnectTime'] = '0';
  expect(bridge.filterSetting).toMatchObject({ on: true, stored: false, restartPending: true });
  expect(bridge.restartPending).toBe(true);
  expect(new CardBridge({ filter: 'system' }).cache.filter).toBe(true);
  expect(bridge.filterSetting.place).toContain('FilterCSPCardCacheByTSSessionConnectTime');
});
