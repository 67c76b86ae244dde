import { describe, expect, test, vi } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { logOn, pinStatus, selectPiv, sw } from '../../support/piv-host.js';
import { sockets } from '../../support/process.js';
import { forThisTest, insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, heldOpen, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 4 });
const virtual = await insertPiv(rig, 0);
const { name: reader } = readerAt(rig, 0);
const { name: other, port } = readerAt(rig, 2);
// Takes cards as they are.
const visitor = await openBridge({ filter: 'off' }).openSession();
const before = { id: 2, connectTime: 1000n };
const after = { id: 2, connectTime: 2000n };

/** Whether the card's PIN is verified, as seen by a new connection outside the cache. */
async function isVerified(): Promise<boolean> {
  await using card = await visitor.connect(reader);
  return (await sw(card, pinStatus)) === 0x9000;
}

describe('a session that returns with a new connect time', () => {
  test('uses neither its old entry nor its PIN, and the old entry is evicted', async () => {
    await using bridge = new CardBridge();
    const [old, renewed] = [await bridge.openSession(before), await bridge.openSession(after)];
    const left = await old.transaction(reader, async (tx) => {
      expect(await logOn(tx, virtual)).toBe(true);
      return tx.lookup?.entry;
    });
    await renewed.transaction(reader, async (tx) => {
      expect(tx.lookup).toMatchObject({ fresh: true, evaluated: [], entry: { identity: after } });
      expect(tx.lookup?.entry.id).not.toBe(left?.id);
      expect(await sw(tx, pinStatus)).not.toBe(0x9000);
    });
    expect(bridge.cache.entries()).toMatchObject([{ identity: after }]);
  });

  test('does not wait for its old entry, in a reader that another process holds', async () => {
    await using bridge = new CardBridge();
    const [old, renewed] = [await bridge.openSession(before), await bridge.openSession(after)];
    const another = await createPivCard({ port });
    await using _out = forThisTest(another);
    await old.transaction(other, () => {});
    await using _holder = await CardHold.start(other);
    const lookup = await renewed.transaction(reader, (tx) => tx.lookup, { timeout: 2000 });
    expect(lookup?.evaluated).toEqual([]);
    expect(bridge.cache.entries()).toMatchObject([{ identity: after, reader }]);
  });

  test('lets a transaction of the old session end, and evicts that entry then', async () => {
    await using bridge = new CardBridge();
    const [old, renewed] = [await bridge.openSession(before), await bridge.openSession(after)];
    const { callback, begun, end } = heldOpen();
    const running = old.transaction(reader, async (tx) => {
      await callback();
      return sw(tx, selectPiv);
    });
    await begun;
    const next = renewed.transaction(reader, (tx) => tx.lookup);
    expect(await staysPending(next)).toBe(true);
    end();
    expect(await running).toBe(0x9000);
    expect(await next).toMatchObject({ fresh: true, entry: { identity: after } });
    expect(bridge.cache.entries()).toMatchObject([{ identity: after }]);
  });
});

describe('closing a session', () => {
  test('evicts its entries and resets their cards', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    await session.transaction(reader, async (tx) => expect(await logOn(tx, virtual)).toBe(true));
    expect(await isVerified()).toBe(true);
    await session.close();
    expect(bridge.cache.entries()).toEqual([]);
    await vi.waitFor(async () => expect(await isVerified()).toBe(false), { timeout: 5000 });
  });

  test('lets a running transaction end, then resets the card', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    const { callback, begun, end } = heldOpen();
    const running = session.transaction(reader, async (tx) => {
      await callback();
      return logOn(tx, virtual);
    });
    await begun;
    await session.close();
    expect(await staysPending(running, 50)).toBe(true);
    end();
    expect(await running).toBe(true);
    expect(bridge.cache.entries()).toEqual([]);
    await vi.waitFor(async () => expect(await isVerified()).toBe(false), { timeout: 5000 });
  });
});

describe('evicting an identity', () => {
  test('returns the number of entries, and leaves other identities’ entries alone', async () => {
    await using bridge = new CardBridge();
    const another = await createPivCard({ port });
    await using _out = forThisTest(another);
    const [session, neighbour] = [
      await bridge.openSession(before),
      await bridge.openSession({ id: 3, connectTime: 1n }),
    ];
    await session.transaction(reader, () => {});
    await session.transaction(other, () => {});
    await neighbour.transaction(reader, () => {});
    expect(bridge.cache.evict(before)).toBe(2);
    expect(bridge.cache.evict(before)).toBe(0);
    expect(bridge.cache.entries()).toMatchObject([{ identity: { id: 3 } }]);
    expect(await session.transaction(reader, (tx) => tx.lookup?.fresh)).toBe(true);
  });

  test('makes a lookup that is connecting, behind another process’s transaction, connect again', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    await using holder = await CardHold.start(reader);
    const waiting = session.transaction(reader, (tx) => tx.lookup?.fresh);
    expect(await staysPending(waiting)).toBe(true);
    expect(bridge.cache.evict(before)).toBe(1);
    expect(await staysPending(waiting)).toBe(true);
    await holder.release();
    expect(await waiting).toBe(true);
    expect(bridge.cache.entries()).toHaveLength(1);
  });

  test('makes lookups that are waiting connect again', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    await session.transaction(reader, () => {});
    const { callback, begun, end } = heldOpen();
    const running = session.transaction(reader, callback);
    await begun;
    const waiting = session.transaction(reader, (tx) => tx.lookup?.fresh);
    expect(await staysPending(waiting)).toBe(true);
    expect(bridge.cache.evict(before)).toBe(1);
    end();
    await running;
    expect(await waiting).toBe(true);
  });
});

describe('a card that is removed', () => {
  test('evicts its entries, of all identities', async () => {
    await using bridge = new CardBridge();
    const card = await createPivCard({ port });
    for (const identity of [before, { id: 3, connectTime: 1n }]) {
      const session = await bridge.openSession(identity);
      await session.transaction(other, () => {});
      await session.transaction(reader, () => {});
    }
    await card.remove();
    await vi.waitFor(
      () => expect(bridge.cache.entries().map((entry) => entry.reader)).toEqual([reader, reader]),
      { timeout: 5000 },
    );
  });

  test('and inserted again is connected again', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    const first = await createPivCard({ port });
    await session.transaction(other, () => {});
    {
      await using _out = forThisTest(first);
    }
    expect(await errorOf(session.transaction(other, () => {}))).toMatchObject({
      code: 'SCARD_E_NO_SMARTCARD',
    });
    const second = await createPivCard({ port });
    await using _out = forThisTest(second);
    await session.transaction(other, async (tx) => {
      expect(tx.lookup?.fresh).toBe(true);
      expect(await logOn(tx, second)).toBe(true);
    });
  });

  test('in a transaction causes an error, and its entry is evicted', async () => {
    await using bridge = new CardBridge();
    const session = await bridge.openSession(before);
    const card = await createPivCard({ port });
    card.faults.removeOnApdu(2);
    await using _out = forThisTest(card);
    const error = await errorOf(session.transaction(other, (tx) => logOn(tx, card)));
    expect(error).toMatchObject({ name: 'PcscError', operation: 'SCardTransmit', reader: other });
    expect(bridge.cache.entries()).toEqual([]);
  });
});

test('when the service dies all entries are evicted, and the next transaction after its restart works', async () => {
  await using bridge = new CardBridge();
  const session = await bridge.openSession(before);
  await session.transaction(reader, () => {});
  const open = sockets();
  await rig.killDaemon();
  await vi.waitFor(() => expect(bridge.cache.entries()).toEqual([]), { timeout: 5000 });
  await virtual.closed;
  await rig.restartDaemon();
  const card = await createPivCard({ port });
  await using _out = forThisTest(card);
  expect(await session.transaction(other, (tx) => logOn(tx, card))).toBe(true);
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(open + 2), { timeout: 5000 });
});
