/**
 * Smart cards in tests written with vitest: a private pcscd with virtual readers, and a PIV card.
 *
 * ```ts
 * import { test } from 'pcsc-bridge/vitest';
 *
 * test('logs on', async ({ session, reader, pivCard }) => { ... });
 * ```
 */
import { test as base } from 'vitest';
import { CardBridge, type SessionContext } from '../../index.js';
import type { PivCardSettings } from '../fixtures/cards.js';
import { processRig, type ReaderOptions } from '../fixtures/process-rig.js';
import type { Rig, RigReader } from '../rig/index.js';
import { createPivCard, type PivCard } from '../virtual/index.js';

export type { PivCardSettings } from '../fixtures/cards.js';
export type { ReaderOptions } from '../fixtures/process-rig.js';

export interface CardFixtures {
  /**
   * Number of virtual readers. A test file can change it with `test.override`.
   * @default 2
   */
  slots: number;
  /**
   * The names of the readers, as `names` of `Rig.start`. A test file can change them with `test.override`.
   * @default 'Virtual Reader'
   */
  readerNames: ReaderOptions['readerNames'];
  /**
   * PIN, subject, algorithm and other options of the PIV card. A file or a suite can change them with `test.override`.
   * @default a new P-256 key and the PIN 123456
   */
  pivOptions: PivCardSettings;
  /**
   * The private pcscd, one per process, because the PC/SC library reads its address once. It ends with the process. Its
   * environment is that of the test and of every process that the test starts. It requires a pool of processes ('forks',
   * the default) and throws an Error in a worker thread and in a vm context.
   */
  rig: Rig;
  /** The first reader. */
  reader: RigReader;
  /** A PIV card in the first reader, made with `pivOptions`; taken out after the test. */
  pivCard: PivCard;
  /** A bridge of the test's own, with the filter on; closed after it. */
  bridge: CardBridge;
  /** A session of that bridge. */
  session: SessionContext;
}

/** vitest's `test` with these fixtures. A fixture is set up when a test names it. */
export const test = base.extend<CardFixtures>({
  slots: [2, { scope: 'file' }],
  readerNames: ['Virtual Reader', { scope: 'file' }],
  pivOptions: {},
  rig: [
    async ({ slots, readerNames }, use) => {
      await use(await processRig({ slots, readerNames }));
    },
    { scope: 'file' },
  ],
  reader: async ({ rig }, use) => {
    const [reader] = rig.readers;
    if (!reader) throw new Error('the rig has no reader');
    await use(reader);
  },
  pivCard: async ({ reader, pivOptions }, use) => {
    const card = await createPivCard({ ...pivOptions, port: reader.port });
    await use(card);
    await card.remove();
  },
  bridge: async ({ rig: _ }, use) => {
    const bridge = new CardBridge();
    await use(bridge);
    await bridge.close();
  },
  session: async ({ bridge }, use) => {
    await use(await bridge.openSession());
  },
});
