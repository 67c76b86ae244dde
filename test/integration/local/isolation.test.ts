/** What a broker in this process keeps apart: clients in kernel sessions of their own that share one reader. */
import { expect, onTestFinished, test } from 'vitest';
import type { CacheLookup, SessionContext } from '../../../src/index.js';
import { retriesLeft, selectPiv, verifyPin } from '../../../src/piv/index.js';
import { LocalClient } from '../../support/local-client.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { asNobody, type Listening, listen, openDirectoryOf, skipWithoutNobody } from './helpers.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);
const bridge = openBridge({ filter: 'on' });
const own = (await bridge.openSession()).identity;
const byLogin = own.source !== 'proc' || own.connectTime === 0n;

interface Visitor {
  client: LocalClient;
  session: SessionContext;
}

type As = Parameters<typeof LocalClient.start>[1];

async function visit({ path, next }: Listening, as: As = { ownSession: true }): Promise<Visitor> {
  const client = await LocalClient.connect(path, as);
  onTestFinished(() => client.kill());
  const { peer, socket } = await next();
  const session = await bridge.openSession({ peer });
  socket.once('close', () => session.close());
  socket.resume();
  return { client, session };
}

async function useCard({ session }: Visitor): Promise<CacheLookup> {
  return session.transaction(reader, (card) => {
    if (!card.lookup) throw new Error('not through the cache');
    return card.lookup;
  });
}

test("sessions never share a cached handle, and a session's entries are evicted after its last client", async ({
  skip,
}) => {
  skip(byLogin, 'where a login is known, a process cannot leave its session');
  const listening = await listen();
  const a = await visit(listening);
  const b = await visit(listening);
  const lookups = [await useCard(a), await useCard(b), await useCard(b), await useCard(a), await useCard(a)];
  const idOf = ({ session }: Visitor) => session.identity.id;
  expect(lookups.map(({ entry }) => entry.identity.id)).toEqual([a, b, b, a, a].map(idOf));
  // A card that another session used is reset first. That invalidates the owner's handle: it connects again.
  expect(lookups.map(({ fresh }) => fresh)).toEqual([true, true, false, true, false]);
  for (const { entry, evaluated } of lookups) {
    for (const { openedBy } of evaluated) expect(openedBy.id).toBe(entry.identity.id);
  }
  const [ofA, ofB] = [lookups[0], lookups[1]].map((lookup) => lookup?.entry.id);
  expect(ofA).not.toBe(ofB);
  const owners = () => bridge.cache.entries().map(({ identity }) => identity.id);
  expect(new Set(owners())).toEqual(new Set([idOf(a), idOf(b)]));

  await a.client.kill();
  await expect.poll(owners).toEqual([idOf(b)]);
  await b.client.kill();
  await expect.poll(owners).toEqual([]);
});

test('two users of one terminal session share no cached handle and no verified PIN', async ({ skip }) => {
  skipWithoutNobody(skip);
  const listening = await listen({ access: 'everyone' });
  openDirectoryOf(listening.path);
  const root = await visit(listening, {});
  const nobody = await visit(listening, asNobody);
  const [ofRoot, ofNobody] = [root.session.identity, nobody.session.identity];
  expect([ofNobody.id, ofNobody.connectTime]).toEqual([ofRoot.id, ofRoot.connectTime]);

  await root.session.transaction(reader, async (card) => {
    await selectPiv(card);
    await verifyPin(card, '123456');
  });
  // The card does not report the tries left while the PIN is verified.
  const isVerified = ({ session }: Visitor) =>
    session.transaction(reader, async (card) => {
      await selectPiv(card);
      return (await retriesLeft(card)) === undefined;
    });
  expect(await isVerified(root)).toBe(true);
  expect(await isVerified(nobody)).toBe(false);
  expect(await isVerified(root)).toBe(false);

  const owners = () => bridge.cache.entries().map(({ identity }) => identity.userId);
  expect(owners().sort()).toEqual(['0', '65534']);
  // The last session of one user evicts that user's entries, and no other's.
  await nobody.session.close();
  expect(owners()).toEqual(['0']);
  await useCard(await visit(listening, asNobody));
  expect(bridge.cache.evict(ofNobody)).toBe(1);
  expect(owners()).toEqual(['0']);
  await useCard(await visit(listening, asNobody));
  const { id, connectTime } = ofRoot;
  expect(bridge.cache.evict({ id, connectTime })).toBe(2);
  expect(owners()).toEqual([]);
});
