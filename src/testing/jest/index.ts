/**
 * Smart cards in tests written with Jest: a private pcscd with virtual readers, and a PIV card.
 *
 * ```ts
 * // jest.config.js: export default { globalSetup: 'pcsc-bridge/jest' };
 * import { useCards } from 'pcsc-bridge/jest';
 *
 * const cards = useCards();
 * test('logs on', async () => {
 *   await cards.session.transaction(cards.reader.name, (held) => logon(held, '123456'));
 * });
 * ```
 *
 * A test file of Jest cannot start the daemon itself: a worker process runs several test files, and the PC/SC library reads the
 * address of the daemon once per process. The global set-up runs before the worker processes start, which inherit its
 * environment.
 */
import { type CardOptions, type Cards, cardsFrom, type Hooks } from '../fixtures/cards.js';
import { processRig } from '../fixtures/process-rig.js';
import { MAX_SLOTS, type RigReader } from '../rig/index.js';

export type { CardOptions, Cards, PivCardSettings } from '../fixtures/cards.js';

/** Readers per worker: those of one device, which has a driver of its own, so that workers do not delay each other. */
const READERS_PER_WORKER = 2;
/** The readers of all workers, as JSON, for the test files. */
const VARIABLE = 'PCSC_BRIDGE_JEST_READERS';

/**
 * Jest's `globalSetup`: starts a private pcscd with two readers for each worker. It ends with Jest's process.
 *
 * @throws {Error} Jest has more workers than a pcscd can have pairs of readers.
 * @throws As `Rig.start`.
 */
export async function globalSetup({ maxWorkers }: { maxWorkers: number }): Promise<void> {
  const most = MAX_SLOTS / READERS_PER_WORKER;
  if (maxWorkers > most) {
    throw new Error(
      `Jest runs ${maxWorkers} workers, but a rig has readers for ${most}: set maxWorkers to ${most} or less in Jest's configuration.`,
    );
  }
  const rig = await processRig({ slots: maxWorkers * READERS_PER_WORKER });
  process.env[VARIABLE] = JSON.stringify(rig.readers);
}

/**
 * Gives each test of the file, or of the suite (`describe`) in which it is called, a new PIV card in a virtual reader, a
 * bridge and a session.
 *
 * @throws {Error} In the `beforeAll` hook: `globalSetup` is missing in Jest's configuration.
 */
export function useCards(options: CardOptions = {}): Cards {
  return cardsFrom(readersOfWorker, globalThis as unknown as Hooks, options);
}

// Jest calls the default export of the module that its configuration names.
export default globalSetup;

/** JEST_WORKER_ID counts from 1; with --runInBand it is 1. */
async function readersOfWorker(): Promise<readonly RigReader[]> {
  const readers = process.env[VARIABLE];
  if (readers === undefined) {
    throw new Error(
      "Add globalSetup: 'pcsc-bridge/jest' to Jest's configuration, which starts the virtual readers.",
    );
  }
  const end = Number(process.env['JEST_WORKER_ID'] ?? 1) * READERS_PER_WORKER;
  return (JSON.parse(readers) as RigReader[]).slice(end - READERS_PER_WORKER, end);
}
