import { describe, expect, test } from 'vitest';
import { type CacheTarget, CardBridge } from '../../../src/index.js';
import { buildAtr, VirtualCard } from '../../../src/testing/virtual/index.js';
import { logOn, pinStatus, sw } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const virtual = await insertPiv(rig, 0, { atr: buildAtr({ protocols: ['T=0', 'T=1'] }) });
const { name: reader } = readerAt(rig, 0);
const alice = { id: 2, connectTime: 1n };
const bob = { id: 3, connectTime: 1n };

async function open(identity: typeof alice) {
  const bridge = new CardBridge();
  const session = await bridge.openSession(identity);
  const protocolOf = (target: CacheTarget) =>
    session.transaction(target, async ({ lookup }) => lookup?.entry.protocol);
  return { bridge, session, protocolOf, [Symbol.asyncDispose]: () => bridge.close() };
}

test('a lookup gets the protocol that it requires, on the same entry', async () => {
  await using a = await open(alice);
  for (const protocol of ['T=0', 'T=1', 'T=1', 'T=0'] as const) {
    expect(await a.protocolOf({ reader, protocols: [protocol] })).toBe(protocol);
  }
  // Either will do: the card is not reset, and the PIN stays verified.
  await a.session.transaction(reader, async (tx) => expect(await logOn(tx, virtual)).toBe(true));
  for (const target of [{ reader, protocols: ['T=0', 'T=1'] } as const, reader]) {
    await a.session.transaction(target, async (tx) => {
      expect(tx.lookup?.entry.protocol).toBe('T=0');
      expect(await sw(tx, pinStatus)).toBe(0x9000);
    });
  }
  expect(a.bridge.cache.entries()).toMatchObject([{ protocol: 'T=0' }]);
});

test('the change resets the card: no PIN stays verified', async () => {
  await using a = await open(alice);
  await a.session.transaction({ reader, protocols: ['T=1'] }, async (tx) => {
    expect(await logOn(tx, virtual)).toBe(true);
  });
  await a.session.transaction({ reader, protocols: ['T=1'] }, async (tx) => {
    expect(await sw(tx, pinStatus)).toBe(0x9000);
  });
  await a.session.transaction({ reader, protocols: ['T=0'] }, async (tx) => {
    expect(await sw(tx, pinStatus)).not.toBe(0x9000);
  });
});

test('another session that has the card cached with another protocol is no obstacle', async () => {
  await using a = await open(alice);
  await using b = await open(bob);
  expect(await a.protocolOf({ reader, protocols: ['T=1'] })).toBe('T=1');
  expect(await b.protocolOf({ reader, protocols: ['T=0'] })).toBe('T=0');
  expect(await a.protocolOf({ reader, protocols: ['T=1'] })).toBe('T=1');
  expect(await b.protocolOf(reader)).toBe('T=1');
});

describe('a card without the required protocol', () => {
  test('is rejected, and is free afterwards', async () => {
    const { name, port } = readerAt(rig, 1);
    const t0 = await VirtualCard.insert({ port, applets: [], atr: buildAtr({ protocols: ['T=0'] }) });
    try {
      await using a = await open(alice);
      for (let i = 0; i < 2; i++) {
        await expect(a.protocolOf({ reader: name, protocols: ['T=1'] })).rejects.toMatchObject({
          code: 'SCARD_E_PROTO_MISMATCH',
          reader: name,
        });
      }
      expect(await a.protocolOf(name)).toBe('T=0');
      expect(a.bridge.cache.stats()).toMatchObject({ entries: 1, leased: 0 });
    } finally {
      await t0.remove();
    }
  });
});

test.each([
  [[], RangeError, "protocols must have 'T=0', 'T=1', or both"],
  [['raw'], RangeError, "a cached card uses 'T=0' or 'T=1'; for 'raw', use session.connect()"],
  ['T=1', TypeError, "protocols must be an array, such as ['T=1']"],
])('protocols %j are refused', async (protocols, type, message) => {
  await using a = await open(alice);
  const target = { reader, protocols } as unknown as CacheTarget;
  const error = await a.protocolOf(target).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(type);
  expect(error).toMatchObject({ message });
});
