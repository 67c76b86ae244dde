/** What a broker in this process keeps apart: clients in kernel sessions of their own, one reader between them. */
import { expect, onTestFinished, test } from 'vitest';
import type { CacheLookup, SessionContext } from '../../../src/index.js';
import { LocalClient } from '../../support/local-client.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { type Listening, listen } from './helpers.js';

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

async function visit({ path, next }: Listening): Promise<Visitor> {
  const client = await LocalClient.connect(path, { ownSession: true });
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

test('sessions never share a cached handle, and a session that has nobody left takes its own along', async ({
  skip,
}) => {
  skip(byLogin, 'where a login is known, a process cannot leave its session');
  const listening = await listen();
  const a = await visit(listening);
  const b = await visit(listening);
  const lookups = [await useCard(a), await useCard(b), await useCard(b), await useCard(a), await useCard(a)];
  const idOf = ({ session }: Visitor) => session.identity.id;
  expect(lookups.map(({ entry }) => entry.identity.id)).toEqual([a, b, b, a, a].map(idOf));
  // A card that another session used is reset first, and that ends what its owner had of it: it connects anew.
  expect(lookups.map(({ fresh }) => fresh)).toEqual([true, true, false, true, false]);
  for (const { entry, evaluated } of lookups) {
    for (const { openedBy } of evaluated) expect(openedBy.id).toBe(entry.identity.id);
  }
  const [ofA, ofB] = [lookups[0], lookups[1]].map((lookup) => lookup?.entry.entry);
  expect(ofA).not.toBe(ofB);
  const owners = () => bridge.cache.entries().map(({ identity }) => identity.id);
  expect(new Set(owners())).toEqual(new Set([idOf(a), idOf(b)]));

  await a.client.kill();
  await expect.poll(owners).toEqual([idOf(b)]);
  await b.client.kill();
  await expect.poll(owners).toEqual([]);
});
