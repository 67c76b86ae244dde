import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Rig, RigError } from '../../../src/testing/rig/index.js';
import { expectGone, insertCard, listWithOpensc, waitForCard } from './helpers.js';

test('without namespaces, rigs run side by side on sockets that are passed to pcscd', async ({ skip }) => {
  const before = existsSync('/run/pcscd');
  let first: Rig;
  try {
    first = await Rig.start({ slots: 4, isolation: 'socket' });
  } catch (error) {
    if (error instanceof RigError && error.code === 'RIG_NOT_PERMITTED') {
      skip(error.message);
    }
    throw error;
  }
  const second = await Rig.start({ slots: 2, isolation: 'socket' });
  const { directory, readers } = first;
  const port = (readers[0] as { port: number }).port;
  try {
    expect(first.isolation).toBe('socket');
    expect(await listWithOpensc(first)).toHaveLength(4);
    expect(await listWithOpensc(second)).toHaveLength(2);
    await first.restartDaemon();
    await using _card = await insertCard(port);
    await waitForCard(first, 0);
    expect((await listWithOpensc(second)).some(({ hasCard }) => hasCard)).toBe(false);
  } finally {
    await Promise.all([first.stop(), second.stop()]);
  }
  await expectGone({ directory, port });
  expect(existsSync('/run/pcscd')).toBe(before);
});
