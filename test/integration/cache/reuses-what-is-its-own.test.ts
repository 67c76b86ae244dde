import { describe, expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { logOn, pinStatus, selectPiv, send, sign, sw, verifyPin } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 4 });
const virtual = await insertPiv(rig, 0);
const elsewhere = await insertPiv(rig, 1);
const { name: reader } = readerAt(rig, 0);
const { name: other } = readerAt(rig, 1);
const alice = { id: 2, connectTime: 133_772_904_000_000_000n };
const bob = { id: 3, connectTime: 133_772_904_000_000_000n };

test('the first transaction connects the card, the next ones find it in the cache', async () => {
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  const first = await session.transaction(reader, async ({ lookup }) => lookup);
  expect(first).toMatchObject({ fresh: true, evaluated: [] });
  const second = await session.transaction(reader, async ({ lookup }) => lookup);
  expect(second?.fresh).toBe(false);
  expect(second?.entry.id).toBe(first?.entry.id);
  expect(second?.evaluated).toMatchObject([
    { entry: first?.entry.id, reader, openedBy: alice, valid: true, waited: false },
  ]);
});

test('entries() reports the identity, the card, and whether the entry is in use', async () => {
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  await session.transaction(reader, () => {
    expect(bridge.cache.entries()).toMatchObject([{ leased: true }]);
  });
  const [entry] = bridge.cache.entries();
  expect(entry).toMatchObject({
    identity: alice,
    reader,
    atr: virtual.atr,
    cardId: undefined,
    leased: false,
  });
  expect(Math.abs(Date.now() - Number(entry?.lastUsed))).toBeLessThan(5000);
});

test('a verified PIN stays verified for the same identity, also in another of its sessions', async () => {
  await using bridge = new CardBridge();
  await using first = await bridge.openSession(alice);
  await using second = await bridge.openSession({ ...alice });
  await first.transaction(reader, async (tx) => expect(await logOn(tx, virtual)).toBe(true));
  await second.transaction(reader, async (tx) => {
    expect(await sw(tx, pinStatus)).toBe(0x9000);
    expect(await sign(tx, virtual.piv.certificate)).toEqual({ sw: 0x9000, verified: true });
  });
});

describe('two identities on one reader', () => {
  test('never share a handle', async () => {
    await using bridge = new CardBridge();
    await using first = await bridge.openSession(alice);
    await using second = await bridge.openSession(bob);
    for (let i = 0; i < 4; i++) {
      for (const session of [first, second]) {
        const lookup = await session.transaction(reader, (tx) => tx.lookup);
        const { id, connectTime } = session.identity;
        expect(lookup?.entry.identity).toEqual({ id, connectTime });
        for (const { openedBy } of lookup?.evaluated ?? []) expect(openedBy).toEqual({ id, connectTime });
      }
    }
  });

  test('never share a verified PIN: each must log on itself', async () => {
    await using bridge = new CardBridge();
    await using first = await bridge.openSession(alice);
    await using second = await bridge.openSession(bob);
    for (const session of [first, second, first, second, second, first]) {
      const [before] = [await session.transaction(reader, (tx) => tx.cardWasReset)];
      expect(before).toBeTypeOf('boolean');
    }
    for (const [one, another] of [
      [first, second],
      [second, first],
    ] as const) {
      await one.transaction(reader, async (tx) => expect(await logOn(tx, virtual)).toBe(true));
      await another.transaction(reader, async (tx) => {
        expect(await sw(tx, pinStatus)).not.toBe(0x9000);
        await send(tx, selectPiv);
        expect((await sign(tx, virtual.piv.certificate)).sw).toBe(0x6982);
        expect(await sw(tx, verifyPin())).toBe(0x9000);
        expect((await sign(tx, virtual.piv.certificate)).verified).toBe(true);
      });
    }
  });

  test('take turns with their own entries if both begin at once', async () => {
    await using bridge = new CardBridge();
    await using first = await bridge.openSession(alice);
    await using second = await bridge.openSession(bob);
    let inside = 0;
    let last: number | undefined;
    await Promise.all(
      Array.from({ length: 40 }, (_, i) =>
        (i % 2 ? first : second).transaction(reader, async (tx) => {
          expect(++inside).toBe(1);
          const own = tx.lookup?.entry.identity.id === (i % 2 ? alice.id : bob.id);
          expect(own).toBe(true);
          // The PIN that the other session has verified is not verified here.
          const { id } = tx.lookup?.entry.identity ?? {};
          if (last !== id) expect(await sw(tx, pinStatus)).not.toBe(0x9000);
          await send(tx, selectPiv);
          expect(await sw(tx, verifyPin())).toBe(0x9000);
          last = id;
          inside--;
        }),
      ),
    );
  });
});

test('an identity with an unknown connect time shares with no other', async () => {
  await using bridge = new CardBridge();
  await using known = await bridge.openSession(alice);
  await using unknown = await bridge.openSession({ id: alice.id, connectTime: 0n });
  await known.transaction(reader, async (tx) => expect(await logOn(tx, virtual)).toBe(true));
  await unknown.transaction(reader, async (tx) => {
    expect(tx.lookup).toMatchObject({ fresh: true, evaluated: [] });
    expect(await sw(tx, pinStatus)).not.toBe(0x9000);
  });
});

test('a lease can be acquired, ended, and acquired again', async () => {
  await using bridge = new CardBridge();
  const lease = await bridge.cache.acquire(alice, reader);
  expect(await sw(lease.transaction, selectPiv)).toBe(0x9000);
  const { id: entry } = lease.lookup.entry;
  await lease.end();
  await lease.end();
  await expect(lease.transaction.transmit(selectPiv)).rejects.toMatchObject({ code: 'BRIDGE_E_CLOSED' });
  {
    await using next = await bridge.cache.acquire(alice, reader);
    expect(next.lookup.entry.id).toBe(entry);
    await next.transaction.transmit(selectPiv);
    expect(await sw(next.transaction, verifyPin())).toBe(0x9000);
  }
  const after = await bridge.cache.acquire(alice, reader);
  expect(await sw(after.transaction, pinStatus)).not.toBe(0x9000);
  await after.end();
});

describe('card ids', () => {
  test('a card is found by its id in any reader where it was connected', async () => {
    await using bridge = new CardBridge();
    await using session = await bridge.openSession(alice);
    for (const [name, { piv }] of [
      [reader, virtual],
      [other, elsewhere],
    ] as const) {
      await session.transaction({ reader: name, cardId: piv.guid }, () => {});
    }
    const found = await session.transaction({ cardId: elsewhere.piv.guid }, (tx) => tx.lookup);
    expect(found).toMatchObject({
      fresh: false,
      entry: { reader: other, cardId: new Uint8Array(elsewhere.piv.guid) },
    });
    expect(found?.evaluated.map((evaluation) => evaluation.reader)).toEqual([other]);
  });

  test('an id that was never announced is unknown, and the error says what to do', async () => {
    await using bridge = new CardBridge();
    await using session = await bridge.openSession(alice);
    await expect(session.transaction({ cardId: virtual.piv.guid }, () => {})).rejects.toMatchObject({
      code: 'SCARD_E_UNKNOWN_CARD',
      message: expect.stringContaining('name the reader'),
    });
  });

  test('another identity’s card is not found by its id', async () => {
    await using bridge = new CardBridge();
    await using first = await bridge.openSession(alice);
    await using second = await bridge.openSession(bob);
    await first.transaction({ reader, cardId: virtual.piv.guid }, () => {});
    await expect(second.transaction({ cardId: virtual.piv.guid }, () => {})).rejects.toMatchObject({
      code: 'SCARD_E_UNKNOWN_CARD',
    });
  });
});

test('a failed connect leaves no entry', async () => {
  await using bridge = new CardBridge();
  await using session = await bridge.openSession(alice);
  const empty = readerAt(rig, 2).name;
  await expect(session.transaction(empty, () => {})).rejects.toMatchObject({
    code: 'SCARD_E_NO_SMARTCARD',
    reader: empty,
  });
  await expect(session.transaction('No Such Reader', () => {})).rejects.toMatchObject({
    code: 'SCARD_E_UNKNOWN_READER',
  });
  expect(bridge.cache.entries()).toEqual([]);
});
