/**
 * Smart cards in tests written with node:test: a private pcscd with virtual readers, and a PIV card.
 *
 * ```ts
 * import { test } from 'node:test';
 * import { useCards } from 'pcsc-bridge/node-test';
 *
 * const cards = useCards();
 * test('logs on', async () => {
 *   await cards.session.transaction(cards.reader.name, (held) => logon(held, '123456'));
 * });
 * ```
 */
import { afterEach, before, beforeEach } from 'node:test';
import { type CardOptions, type Cards, cardsFrom } from '../fixtures/cards.js';
import { processRig, type ReaderOptions } from '../fixtures/process-rig.js';
import type { Rig } from '../rig/index.js';

export type { CardOptions, Cards, PivCardSettings } from '../fixtures/cards.js';
export type { ReaderOptions } from '../fixtures/process-rig.js';

/** `Cards`, and the private pcscd. */
export interface CardsWithRig extends Cards {
  /** The private pcscd: one per process, because the PC/SC library reads its address once. It ends with the process. */
  readonly rig: Rig;
}

/**
 * Gives each test of the file, or of the suite (`describe`) in which it is called, a new PIV card in a virtual reader, a
 * bridge and a session.
 *
 * It requires a process per test file, the default of `node --test`. Calls with the same readers share one rig.
 *
 * @throws {Error} In the `before` hook: in a worker thread, or if the process has other readers already.
 */
export function useCards({ pivOptions, ...readers }: ReaderOptions & CardOptions = {}): CardsWithRig {
  let rig: Rig | undefined;
  const start = async () => {
    rig = await processRig(readers);
    return rig.readers;
  };
  const cards = cardsFrom(
    start,
    { beforeAll: before, beforeEach, afterEach },
    { ...(pivOptions !== undefined && { pivOptions }) },
  );
  return Object.defineProperty(cards, 'rig', {
    get() {
      if (rig === undefined) throw new Error('"rig" is available in tests and in their hooks only.');
      return rig;
    },
  }) as CardsWithRig;
}
