import { pbkdf2 } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setImmediate, setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { median, staysPending } from '../../support/time.js';

const derive = promisify(pbkdf2);
const rig = await startRig({ slots: 4 });
await insertPiv(rig, 0);
await insertPiv(rig, 2);
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader } = readerAt(rig, 0);
const { name: free } = readerAt(rig, 2);
const file = fileURLToPath(import.meta.url);

const work = {
  'reading a file': () => readFile(file),
  'deriving a key': () => derive('password', 'salt', 200, 32, 'sha256'),
  'a turn of the event loop': () => setImmediate(),
  'a transmit to a free card': () => freeCard.transmit(selectPiv),
};
const cards = await Promise.all(Array.from({ length: 10 }, () => session.connect(reader)));
const freeCard = await session.connect(free);

/** Sixteen operations that wait for the card. */
function blockedOperations(signal: AbortSignal): Promise<unknown>[] {
  const acquire = (id: number) => bridge.cache.acquire({ id, connectTime: 1n }, reader, { signal });
  return [
    ...[0, 1, 2, 3].map(() => session.connect(reader, { signal })),
    ...[0, 1, 2, 3].map((i) => cards[i]?.transaction(() => {}, { signal })),
    ...[4, 5, 6, 7].map((i) => cards[i]?.transmit(selectPiv, { signal })),
    ...[100, 101, 102, 103].map(acquire),
  ].map(async (operation) => operation?.catch((error) => expect(error.name).toBe('AbortError')));
}

test('sixteen blocked operations do not slow down files, keys, the event loop or free cards', async () => {
  const samples = Object.fromEntries(
    Object.keys(work).map((name) => [name, { idle: [] as number[], busy: [] as number[] }]),
  );
  const measure = async (when: 'idle' | 'busy') => {
    for (const [name, one] of Object.entries(work)) {
      for (let i = 0; i < 40; i++) {
        const start = performance.now();
        await one();
        samples[name]?.[when].push(performance.now() - start);
      }
    }
  };
  await measure('idle');
  for (const { idle } of Object.values(samples)) idle.length = 0;

  for (let round = 0; round < 5; round++) {
    await measure('idle');
    const holder = await CardHold.start(reader);
    const abort = new AbortController();
    const blocked = blockedOperations(abort.signal);
    expect(await staysPending(Promise.race(blocked), 50)).toBe(true);
    await measure('busy');
    expect(await staysPending(Promise.race(blocked), 10)).toBe(true);
    abort.abort();
    await Promise.all(blocked);
    await holder.release();
    await setTimeout(50);
  }

  for (const [name, { idle, busy }] of Object.entries(samples)) {
    const [usual, now] = [median(idle), median(busy)];
    // Below a tenth of a millisecond the clock and the scheduler are measured.
    expect(now, `${name}: ${usual.toFixed(3)} ms idle, ${now.toFixed(3)} ms now`).toBeLessThan(
      3 * Math.max(usual, 0.1),
    );
  }
  expect(await sw(freeCard, selectPiv)).toBe(0x9000);
});

test('sixteen blocked operations never block the event loop', async () => {
  const holder = await CardHold.start(reader);
  const abort = new AbortController();
  let longest = 0;
  let last = performance.now();
  const ticking = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 5);
  const blocked = blockedOperations(abort.signal);
  await setTimeout(500);
  abort.abort();
  await Promise.all(blocked);
  await Promise.all(cards.map((card) => card.close()));
  clearInterval(ticking);
  await holder.release();
  expect(longest).toBeLessThan(100);
});
