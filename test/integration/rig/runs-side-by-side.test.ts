import { expect, test } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';
import { insertCard, listWithOpensc, waitForCard } from './helpers.js';

test('rigs side by side share neither sockets nor ports nor cards, and end one by one', async () => {
  const rigs = await Promise.all([4, 4, 16].map((slots) => Rig.start({ slots })));
  const [first, second, third] = rigs as [Rig, Rig, Rig];
  try {
    expect(new Set(rigs.map(({ socket }) => socket)).size).toBe(3);
    expect(new Set(rigs.flatMap(({ readers }) => readers.map(({ port }) => port))).size).toBe(24);

    await using _card = await insertCard((second.readers[0] as { port: number }).port);
    await waitForCard(second, 0);
    expect((await listWithOpensc(first)).some(({ hasCard }) => hasCard)).toBe(false);

    await first.stop();
    expect(await listWithOpensc(third)).toHaveLength(16);
    expect((await listWithOpensc(second))[0]?.hasCard).toBe(true);
  } finally {
    await Promise.all(rigs.map((rig) => rig.stop()));
  }
});
