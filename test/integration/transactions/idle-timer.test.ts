import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PIV_AID } from '../../../src/testing/virtual/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name } = readerAt(rig);
const card = await session.connect(name);
const select = Uint8Array.from([0, 0xa4, 4, 0, PIV_AID.length, ...PIV_AID, 0]);

const kinds: [string, typeof card.transaction][] = [
  ['of a card', (callback, options) => card.transaction(callback, options)],
  ['through the cache', (callback, options) => session.transaction(name, callback, options)],
];

describe.each(kinds)('a transaction %s', (_kind, transaction) => {
  it('that is left idle ends after its idleTimeout, and the card is free again', async () => {
    let useAfterwards: unknown;
    const forgotten = transaction(
      async (tx) => {
        await tx.transmit(select);
        await sleep(400);
        useAfterwards = await tx.transmit(select).catch((error: unknown) => error);
      },
      { idleTimeout: 100 },
    );
    await expect(forgotten).rejects.toThrow('was not used for 100 ms and was ended');
    await expect(card.transaction(async (tx) => tx.transmit(select))).resolves.toBeInstanceOf(Uint8Array);
    await expect.poll(() => useAfterwards).toMatchObject({ code: 'SCARD_W_RESET_CARD' });
  });

  it('that is used often enough outlasts its idleTimeout', async () => {
    const uses = await transaction(
      async (tx) => {
        for (let count = 0; count < 8; count++) {
          await tx.transmit(select);
          await sleep(50);
        }
        return 8;
      },
      { idleTimeout: 300 },
    );
    expect(uses).toBe(8);
  });
});

it('keepAlive requests the status while the transaction is idle', async () => {
  await card.transaction(
    async (tx) => {
      await sleep(2300);
      expect((await tx.status()).protocol).toBe('T=1');
    },
    { keepAlive: true },
  );
});

it.each([
  [{ idleTimeout: 0 }, RangeError],
  [{ idleTimeout: Number.NaN }, RangeError],
  [{ keepAlive: 1 as unknown as boolean }, TypeError],
])('%o is rejected at once', async (options, error) => {
  await expect(card.transaction(() => {}, options)).rejects.toThrow(error);
  await expect(session.transaction(name, () => {}, options)).rejects.toThrow(error);
});

describe('when another program resets the card', () => {
  const resetByOther = async () => {
    const other = await session.connect(name);
    await other.disconnect('reset');
  };

  it("onReset 'error' reports it once, and the next operation works", async () => {
    await using own = await session.connect(name, { onReset: 'error' });
    await resetByOther();
    await expect(own.transmit(select)).rejects.toMatchObject({ code: 'SCARD_W_RESET_CARD' });
    await expect(own.transmit(select)).resolves.toBeInstanceOf(Uint8Array);
  });

  it("onReset 'reconnect' connects again and continues", async () => {
    await using own = await session.connect(name, { onReset: 'reconnect' });
    for (let times = 0; times < 3; times++) {
      await resetByOther();
      await expect(own.transmit(select)).resolves.toBeInstanceOf(Uint8Array);
    }
  });

  it('a transaction reports it, whatever the policy', async () => {
    await using own = await session.connect(name, { onReset: 'reconnect' });
    await resetByOther();
    expect(await own.transaction((tx) => tx.cardWasReset)).toBe(true);
    expect(await own.transaction((tx) => tx.cardWasReset)).toBe(false);
  });
});
