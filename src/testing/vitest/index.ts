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
import { Rig, type RigReader } from '../rig/index.js';
import { createPivCard, type PivCard } from '../virtual/index.js';

export interface CardFixtures {
  /**
   * Number of virtual readers. A test file can change it with `test.override`.
   * @default 2
   */
  slots: number;
  /**
   * The private pcscd, one per test file, because the PC/SC library reads its address once per process. Its environment
   * is that of the test and of every process that the test starts. It requires vitest's process pool ('forks', the
   * default).
   */
  rig: Rig;
  /** The first reader. */
  reader: RigReader;
  /** A PIV card in the first reader, with a new key and the PIN 123456; taken out after the test. */
  pivCard: PivCard;
  /** A bridge of the test's own, with the filter on; closed after it. */
  bridge: CardBridge;
  /** A session of that bridge. */
  session: SessionContext;
}

/** pcscd looks for cards every 400 ms; one that is back by then is taken for the card that was there. */
const REMOVAL_MS = 600;

/** vitest's `test` with these fixtures. A fixture is set up when a test names it. */
export const test = base.extend<CardFixtures>({
  slots: [2, { scope: 'file' }],
  rig: [
    async ({ slots }, use) => {
      const rig = await Rig.start({ slots });
      Object.assign(process.env, rig.env);
      await use(rig);
      await rig.stop();
    },
    { scope: 'file' },
  ],
  reader: async ({ rig }, use) => {
    const [reader] = rig.readers;
    if (!reader) throw new Error('the rig has no reader');
    await use(reader);
  },
  pivCard: async ({ reader }, use) => {
    const card = await createPivCard({ port: reader.port });
    await use(card);
    await card.remove();
    await new Promise((resolve) => setTimeout(resolve, REMOVAL_MS));
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
