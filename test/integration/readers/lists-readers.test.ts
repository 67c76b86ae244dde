import { expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { openBridge, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 4 });
const session = await openBridge().openSession();
const names = rig.readers.map(({ name }) => name);

test('a session lists the readers', async () => {
  expect(await session.listReaders()).toEqual(names);
});

test('many sessions list the readers at once', async () => {
  await using bridge = new CardBridge();
  const sessions = await Promise.all(
    Array.from({ length: 8 }, (_, id) => bridge.openSession({ id, connectTime: 1n })),
  );
  const lists = await Promise.all(sessions.flatMap((one) => [one.listReaders(), one.listReaders()]));
  expect(lists).toEqual(Array(16).fill(names));
});

test('an aborted list of readers affects no other list of the same session', async () => {
  const abort = new AbortController();
  const others = [session.listReaders(), session.listReaders()];
  // It may complete before it is aborted, but never has another result.
  const given = session.listReaders({ signal: abort.signal }).catch((error) => error.name);
  others.push(session.listReaders());
  abort.abort();
  expect(['AbortError', names]).toContainEqual(await given);
  expect(await Promise.all(others)).toEqual([names, names, names]);
});
