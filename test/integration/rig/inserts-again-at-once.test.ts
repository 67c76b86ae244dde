import { describe, expect, test } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import type { SessionContext } from '../../../src/index.js';
import { buildAtr, createPivCard, type PivCard } from '../../../src/testing/virtual/index.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);
const bridge = openBridge();

/**
 * The history of the reader while these cards come and go: for each card its ATR, then `removed`.
 *
 * @param use - Removes the card. A watch that is late misses a card that has come and gone, so this is called once the
 *   watch has reported the card.
 */
async function watched(
  session: SessionContext,
  atrs: Uint8Array[],
  use: (card: PivCard, index: number) => Promise<void>,
): Promise<string[]> {
  const history: string[] = [];
  const watch = session.watch();
  watch.on('card-inserted', (event) => {
    if (event.reader === reader) history.push(toHex(event.atr));
  });
  watch.on('card-removed', (event) => {
    if (event.reader === reader) history.push('removed');
  });
  const reported = (what: string) =>
    expect.poll(() => history.at(-1), { timeout: 5000, interval: 5 }).toBe(what);
  for (const [index, atr] of atrs.entries()) {
    const card = await createPivCard({ port, atr });
    await reported(toHex(atr));
    await use(card, index);
  }
  await reported('removed');
  await watch.close();
  return history;
}

const atrs = Array.from({ length: 10 }, (_, index) => buildAtr({ historicalBytes: Uint8Array.of(index) }));
const expected = atrs.flatMap((atr) => [toHex(atr), 'removed']);

describe('a card that is inserted as soon as another is removed is a new card', () => {
  test('in a reader that is not used', async () => {
    const session = await bridge.openSession();
    const history = await watched(session, atrs, (card) => card.remove());
    expect(history).toEqual(expected);
  });

  test('while a program uses the card', async () => {
    const session = await bridge.openSession();
    const select = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08);
    const history = await watched(session, atrs, async (card, index) => {
      const connected = await session.connect(reader);
      const removed = card.remove();
      // The reader meets the end of the link with this command, or with the reset.
      if (index % 2 === 0) await expect(connected.transmit(select)).rejects.toThrow();
      await connected.disconnect('reset').catch(() => {});
      await removed;
    });
    expect(history).toEqual(expected);
  });

  test('after a fault has removed it', async () => {
    const session = await bridge.openSession();
    const history = await watched(session, atrs.slice(0, 3), async (card) => {
      card.faults.removeOnApdu(1);
      await expect(session.transaction(reader, (held) => held.transmit(new Uint8Array(4)))).rejects.toThrow();
      await card.remove();
    });
    expect(history).toEqual(expected.slice(0, 6));
  });
});
