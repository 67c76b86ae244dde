import { afterAll, expect, test } from 'vitest';
import { CardBridge, type CardLease, type SessionIdentity } from '../../../src/index.js';
import { createPivCard, type PivApplet, PivCard } from '../../../src/testing/virtual/index.js';
import { pinStatus, selectPiv, send, sw, verifyPin } from '../../support/piv-host.js';
import { readerAt, startRig, takeOut } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';

const SLOTS = 8;
const SESSIONS = 12;
const STEPS = 600;

const rig = await startRig({ slots: SLOTS });
const seed = Number(process.env['PCSC_BRIDGE_TEST_SEED'] ?? Date.now() % 1_000_000);

/** Mulberry32: small, and the same for the same seed. */
function randomFrom(state: number): (below: number) => number {
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * below);
  };
}

/** What must be true of the cache: who made each entry, and who leases each reader. */
class Model {
  /** The identities that made an entry, past entries included. */
  readonly makers = new Map<number, string>();
  readonly leases = new Map<number, { lease: CardLease; who: string }>();
  /** Whose PIN the card in a reader has verified. */
  readonly verifiedBy = new Map<number, string>();

  leased(slot: number, who: string, lease: CardLease): void {
    const { entry, evaluated, fresh } = lease.lookup;
    expect(this.leases.has(slot), 'two have one card').toBe(false);
    expect(key(entry.identity), 'an entry of another identity was leased').toBe(who);
    expect(entry.reader).toBe(readerAt(rig, slot).name);
    for (const { openedBy } of evaluated) expect(key(openedBy), 'evaluated another’s entry').toBe(who);
    if (fresh) {
      expect(this.makers.has(entry.id), 'an entry id was used again').toBe(false);
      this.makers.set(entry.id, who);
    } else {
      expect(this.makers.get(entry.id), 'an entry has changed hands').toBe(who);
    }
    this.leases.set(slot, { lease, who });
  }
}

function key({ id, connectTime }: SessionIdentity): string {
  return `${id}@${connectTime}`;
}

const cards: (PivCard | undefined)[] = await Promise.all(
  rig.readers.map(({ port }) => createPivCard({ port })),
);
const applets: PivApplet[] = cards.map((card) => (card as PivCard).piv);
afterAll(() => Promise.all(cards.map((card) => card?.remove())));

test(`${STEPS} random steps of ${SESSIONS} sessions on ${SLOTS} readers (seed ${seed})`, async () => {
  await using bridge = new CardBridge();
  const random = randomFrom(seed);
  const model = new Model();
  const identities = Array.from({ length: SESSIONS }, (_, index) => ({
    id: Math.floor(index / 2) + 1,
    connectTime: 1000n + BigInt(index % 2),
  }));
  const ids = new Set<number>();
  let clock = 5000n;

  const steps = {
    async acquire() {
      const slot = random(SLOTS);
      const identity = identities[random(SESSIONS)] as SessionIdentity;
      const acquire = bridge.cache.acquire(identity, readerAt(rig, slot).name, {
        timeout: model.leases.has(slot) ? 60 : 5000,
      });
      if (model.leases.has(slot)) {
        expect(await errorOf(acquire)).toMatchObject({ name: 'TimeoutError' });
      } else if (cards[slot] === undefined) {
        expect(await errorOf(acquire)).toMatchObject({ name: 'PcscError', code: 'SCARD_E_NO_SMARTCARD' });
      } else {
        const lease = await acquire;
        model.leased(slot, key(identity), lease);
        ids.add(lease.lookup.entry.id);
        await this.use(slot);
      }
    },
    async use(slot: number) {
      const { lease, who } = model.leases.get(slot) ?? {};
      if (!lease || who === undefined) return;
      const verified = (await sw(lease.transaction, pinStatus)) === 0x9000;
      // It may be lost, but is never another identity's.
      if (verified) expect(model.verifiedBy.get(slot), 'somebody else’s PIN state').toBe(who);
      if (random(2) === 0) {
        await send(lease.transaction, selectPiv);
        expect(await sw(lease.transaction, verifyPin())).toBe(0x9000);
        model.verifiedBy.set(slot, who);
      }
    },
    async release() {
      const [slot] = [...model.leases.keys()].sort(() => random(3) - 1);
      if (slot === undefined) return;
      const { lease } = model.leases.get(slot) as { lease: CardLease };
      model.leases.delete(slot);
      await lease.end((['leave', 'leave', 'leave', 'reset'] as const)[random(4)]);
    },
    async giveUp() {
      const slot = random(SLOTS);
      const identity = identities[random(SESSIONS)] as SessionIdentity;
      const abort = new AbortController();
      const acquire = bridge.cache.acquire(identity, readerAt(rig, slot).name, { signal: abort.signal });
      const settled = acquire.then(
        (lease) => {
          model.leased(slot, key(identity), lease);
          ids.add(lease.lookup.entry.id);
        },
        (error) => expect(['AbortError', 'PcscError']).toContain(error.name),
      );
      if (random(2)) await new Promise((resolve) => setTimeout(resolve, random(4)));
      abort.abort();
      await settled;
    },
    async reconnect() {
      const index = random(SESSIONS);
      const { id } = identities[index] as SessionIdentity;
      identities[index] = { id, connectTime: clock++ };
    },
    async evict() {
      bridge.cache.evict(identities[random(SESSIONS)] as SessionIdentity);
    },
    async remove() {
      const slot = random(SLOTS);
      const card = cards[slot];
      if (!card || model.leases.has(slot)) return;
      cards[slot] = undefined;
      await takeOut(card);
      model.verifiedBy.delete(slot);
    },
    async insert() {
      const slot = cards.indexOf(undefined);
      if (slot < 0) return;
      cards[slot] = await PivCard.insertPiv({ port: readerAt(rig, slot).port }, applets[slot] as PivApplet);
    },
  };
  const lot = [
    ...Array(10).fill('acquire'),
    ...Array(12).fill('release'),
    ...Array(3).fill('giveUp'),
    ...Array(2).fill('reconnect'),
    'evict',
  ] as ('acquire' | 'release' | 'giveUp' | 'reconnect' | 'evict')[];

  for (let step = 0; step < STEPS; step++) {
    // Cards come and go rarely: pcscd looks only every 400 ms.
    if (step % 100 === 50) await steps.remove();
    else if (step % 100 === 80) await steps.insert();
    else await steps[lot[random(lot.length)] ?? 'acquire']();

    for (const { id, identity, reader, leased } of bridge.cache.entries()) {
      const maker = model.makers.get(id);
      if (maker !== undefined) expect(key(identity)).toBe(maker);
      const slot = rig.readers.findIndex(({ name }) => name === reader);
      const holder = model.leases.get(slot);
      if (leased) expect(holder?.who, 'leased to whom?').toBe(key(identity));
    }
  }
  expect(ids.size).toBeGreaterThan(50);
  for (const { lease } of model.leases.values()) await lease.end();
  for (const identity of identities) bridge.cache.evict(identity);
}, 60_000);
