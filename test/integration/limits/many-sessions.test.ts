import { expect, test } from 'vitest';
import type { PcscError } from '../../../src/index.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { daemonOf, usage } from '../../support/usage.js';

/** As many as pcscd has contexts. */
const SESSIONS = 200;

const rig = await startRig({ slots: 4 });
const cards = [await insertPiv(rig, 0), await insertPiv(rig, 2)];
const daemon = daemonOf(rig);
const readers = [readerAt(rig, 0).name, readerAt(rig, 2).name];
const bridge = openBridge();

test(`${SESSIONS} sessions each watch and use a cached card in one process`, {
  timeout: 60_000,
}, async () => {
  const before = usage(daemon);
  const sessions = await Promise.all(
    Array.from({ length: SESSIONS }, (_, i) =>
      bridge.openSession({ id: i + 1, connectTime: 133_000_000_000_000_000n + BigInt(i) }),
    ),
  );
  const watches = sessions.map((session) => session.watch());
  const first = await Promise.all(watches.map((watch) => watch.next()));
  expect(first.map(({ value }) => value.type)).toEqual(sessions.map(() => 'reader-added'));

  const failures: Record<string, number> = {};
  const fail = (how: string) => {
    failures[how] = (failures[how] ?? 0) + 1;
  };
  for (const round of ['one after another', 'all at once']) {
    const use = sessions.map((session, i) => async () => {
      const reader = readers[i % readers.length] as string;
      try {
        const status = await session.transaction(reader, (transaction) => sw(transaction, selectPiv));
        if (status !== 0x9000) fail(`${round}: ${status.toString(16)}`);
      } catch (error) {
        fail(`${round}: ${(error as PcscError).code ?? error}`);
      }
    });
    if (round === 'all at once') await Promise.all(use.map((one) => one()));
    else for (const one of use) await one();
  }
  expect(failures).toEqual({});

  const now = usage(daemon);
  expect(now.contexts - before.contexts).toBeLessThanOrEqual(80);
  expect(now.threads - before.threads).toBeLessThanOrEqual(16);

  const removed = watches.map(async (watch) => {
    for await (const event of watch) {
      if (event.type === 'card-removed') return event.reader;
    }
    return undefined;
  });
  await cards[0]?.remove();
  expect(new Set(await Promise.all(removed))).toEqual(new Set([readers[0]]));

  await Promise.all(sessions.map((session) => session.close()));
  await expect.poll(() => usage(daemon).contexts).toBeLessThanOrEqual(before.contexts + 2);
});
