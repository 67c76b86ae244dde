import { expect, test, vi } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';
import { insertCard, listWithOpensc, waitForCard } from './helpers.js';

test('a card that connects to a reader’s port is in that reader, until it disconnects', async () => {
  await using rig = await Rig.start({ slots: 4 });
  const { port } = rig.readers[2] as { port: number };
  {
    await using _card = await insertCard(port);
    await waitForCard(rig, 2);
    expect((await listWithOpensc(rig)).map(({ hasCard }) => hasCard)).toEqual([false, false, true, false]);
  }
  await vi.waitFor(
    async () => expect((await listWithOpensc(rig)).some(({ hasCard }) => hasCard)).toBe(false),
    { timeout: 10_000, interval: 100 },
  );
});
