/** The service hangs while a transaction ends. The timeouts of the transaction limit that wait, too. */
import { afterAll, describe, expect, test } from 'vitest';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { continueProcess, stopProcess } from '../../support/stop-process.js';
import { errorOf } from '../../support/time.js';
import { daemonOf } from '../../support/usage.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);
const { name: reader } = readerAt(rig);
const session = await openBridge().openSession();
const card = await session.connect(reader);
const daemon = daemonOf(rig);
// A stopped process does not end before it is continued.
afterAll(() => continueProcess(daemon));

type Limits = { timeout?: number; signal?: AbortSignal };

/** Aborts after the service has stopped. */
let abort = () => {};

async function stop(): Promise<void> {
  await stopProcess(daemon);
  setTimeout(abort, 300);
}

/** Each begins a transaction, stops the service in it, and ends it. */
const kinds: [name: string, endWhileStopped: (limits: Limits) => Promise<unknown>][] = [
  ['card.transaction', (limits) => card.transaction(stop, limits)],
  ['session.transaction', (limits) => session.transaction(reader, stop, limits)],
  [
    'card.beginTransaction',
    async (limits) => {
      const transaction = await card.beginTransaction(limits);
      await stop();
      await transaction.end();
    },
  ],
];

describe.each(kinds)('%s ends while the service hangs', (_, endWhileStopped) => {
  test.each([
    ['a timeout', 'TimeoutError', () => ({ timeout: 900 })],
    ['a signal that aborts meanwhile', 'AbortError', () => ({ signal: abortedSoon() })],
  ] as const)('%s ends the wait with %s', { timeout: 20_000 }, async (_limit, name, limits) => {
    const begin = performance.now();
    const error = await errorOf(endWhileStopped(limits())).finally(() => continueProcess(daemon));
    const waited = performance.now() - begin;

    expect(error).toMatchObject({ name, operation: 'SCardEndTransaction', reader });
    // A slow end is not cut off: it always has a second.
    expect(waited).toBeGreaterThan(900);
    // The transaction ends when the service continues, and other programs get the card.
    await using visitor = await session.connect(reader, { timeout: 10_000 });
    expect(await visitor.transaction((tx) => sw(tx, selectPiv), { timeout: 10_000 })).toBe(0x9000);
  });
});

function abortedSoon(): AbortSignal {
  const controller = new AbortController();
  abort = () => controller.abort();
  return controller.signal;
}
