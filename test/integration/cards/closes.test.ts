import { describe, expect, test, vi } from 'vitest';
import { CardBridge, type SessionContext } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { sockets } from '../../support/process.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { durationOf, errorOf, heldOpen, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const virtual = await insertPiv(rig);
const { name: reader } = readerAt(rig);
const bridge = openBridge();
const closed = { name: 'PcscError', code: 'BRIDGE_E_CLOSED', value: 0xe0100002 };

async function open(): Promise<SessionContext> {
  return bridge.openSession({ id: 9, connectTime: 9n });
}

describe('after its end every operation fails on', () => {
  test('a card', async () => {
    await using session = await open();
    const card = await session.connect(reader);
    await card.close();
    const apdu = selectPiv;
    for (const attempt of [
      () => card.transmit(apdu),
      () => card.status(),
      () => card.control(1, apdu),
      () => card.getAttribute(1),
      () => card.setAttribute(1, apdu),
      () => card.reconnect(),
      () => card.transaction(() => {}),
    ]) {
      await expect(attempt()).rejects.toMatchObject({ ...closed, message: expect.stringContaining('Card:') });
    }
    await card.close();
    await card.disconnect('reset');
  });

  test('a transaction', async () => {
    await using session = await open();
    await using card = await session.connect(reader);
    const tx = await card.transaction((given) => given);
    for (const attempt of [
      () => tx.transmit(selectPiv),
      () => tx.status(),
      () => tx.control(1, selectPiv),
      () => tx.getAttribute(1),
    ]) {
      await expect(attempt()).rejects.toMatchObject(closed);
    }
  });

  test('a session', async () => {
    const session = await open();
    await session.close();
    for (const attempt of [
      () => session.listReaders(),
      () => session.connect(reader),
      () => session.transaction(reader, () => {}),
      async () => session.watch(),
    ]) {
      await expect(attempt()).rejects.toMatchObject(closed);
    }
    await session.close();
  });

  test('a bridge and its cache', async () => {
    const other = new CardBridge();
    await other.close();
    await expect(other.openSession()).rejects.toMatchObject(closed);
    await expect(other.cache.acquire({ id: 1, connectTime: 1n }, reader)).rejects.toMatchObject(closed);
    expect(other.cache.entries()).toEqual([]);
    await other.close();
  });
});

describe('await using', () => {
  test('of a session closes its connections, watches and cached cards', async () => {
    const session = await open();
    const card = await session.connect(reader);
    const watch = session.watch();
    await watch.next();
    await session.transaction(reader, () => {});
    expect(bridge.cache.entries()).toHaveLength(1);
    {
      await using _session = session;
    }
    await expect(card.status()).rejects.toMatchObject(closed);
    expect(await watch.next()).toMatchObject({ done: true });
    expect(bridge.cache.entries()).toEqual([]);
  });

  test('of a bridge closes its sessions', async () => {
    let session: SessionContext;
    {
      await using other = new CardBridge();
      session = await other.openSession({ id: 1, connectTime: 1n });
      await session.connect(reader);
      await session.transaction(reader, () => {});
    }
    await expect(session.listReaders()).rejects.toMatchObject(closed);
  });

  test('of a card frees a card that was connected exclusively', async () => {
    await using session = await open();
    {
      await using _card = await session.connect(reader, { shareMode: 'exclusive' });
    }
    await using card = await session.connect(reader);
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });
});

test('with two sessions of one identity the cached cards stay until the last one closes', async () => {
  const [first, second] = [await open(), await open()];
  await first.transaction(reader, () => {});
  await first.close();
  expect(bridge.cache.entries()).toHaveLength(1);
  await second.close();
  expect(bridge.cache.entries()).toEqual([]);
});

describe('closing ends', () => {
  test('a transmit to a slow card', async () => {
    await using session = await open();
    const card = await session.connect(reader);
    virtual.faults.responseDelay = 1000;
    const arrived = virtual.apduCount;
    const transmit = errorOf(card.transmit(selectPiv));
    const queued = errorOf(card.transmit(selectPiv));
    await vi.waitFor(() => expect(virtual.apduCount).toBe(arrived + 1));
    expect(await durationOf(card.close())).toBeLessThan(500);
    expect(await transmit).toMatchObject(closed);
    expect(await queued).toMatchObject(closed);
    virtual.faults.clear();
    // The queued command never reaches the card: the next one that arrives is this one.
    await using next = await session.connect(reader);
    expect(await sw(next, selectPiv)).toBe(0x9000);
    expect(virtual.apduCount).toBe(arrived + 2);
  });

  test('a transaction and the operations that wait for it', async () => {
    await using session = await open();
    const card = await session.connect(reader);
    const { callback, begun, end } = heldOpen();
    const running = errorOf(card.transaction(callback));
    await begun;
    const waiting = [errorOf(card.transaction(() => {})), errorOf(card.transmit(selectPiv))];
    expect(await staysPending(Promise.race(waiting))).toBe(true);
    await card.close();
    for (const error of await Promise.all(waiting)) expect(error).toMatchObject(closed);
    end();
    expect(await running).toMatchObject(closed);
  });

  test('a connect and a cached transaction of a session, behind another process’s transaction', async () => {
    const session = await open();
    await using holder = await CardHold.start(reader);
    const waits = [
      errorOf(session.connect(reader)),
      errorOf(session.transaction(reader, () => {})),
      errorOf(session.transaction(reader, () => {})),
    ];
    expect(await staysPending(Promise.race(waits))).toBe(true);
    expect(await durationOf(session.close())).toBeLessThan(500);
    for (const error of await Promise.all(waits)) expect(error).toMatchObject(closed);
    await holder.release();
    expect(bridge.cache.entries()).toEqual([]);
  });

  test('a bridge with a cached card that another process holds', async () => {
    const other = new CardBridge();
    const session = await other.openSession({ id: 1, connectTime: 1n });
    await session.transaction(reader, () => {});
    await using _holder = await CardHold.start(reader);
    expect(await durationOf(other.close())).toBeLessThan(1500);
  });
});

test('a hundred sessions with a card each leave no socket behind', async () => {
  const before = sockets();
  for (let round = 0; round < 10; round++) {
    const sessions = await Promise.all(Array.from({ length: 10 }, open));
    await Promise.all(sessions.map((session) => session.connect(reader)));
    await Promise.all(sessions.map((session) => session.listReaders()));
    await Promise.all(sessions.map((session) => session.close()));
  }
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before), { timeout: 5000 });
});
