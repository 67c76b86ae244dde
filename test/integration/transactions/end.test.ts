import { describe, expect, test } from 'vitest';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { pinStatus, selectPiv, sw, verifyPin } from '../../support/piv-host.js';
import { forThisTest, insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);
const card = await session.connect(reader);
const [verified, forgotten] = [0x9000, 0x6d00];

async function verify(tx: { transmit(apdu: Uint8Array): Promise<Uint8Array> }): Promise<void> {
  await tx.transmit(selectPiv);
  expect(await sw(tx, verifyPin())).toBe(0x9000);
}

/** The card's PIN status, as seen by a new connection. */
async function pinState(): Promise<number> {
  await using visitor = await session.connect(reader);
  return await sw(visitor, pinStatus);
}

/** Both kinds of transaction behave alike. */
const kinds = [
  ['a card’s transaction', card.transaction.bind(card)],
  ['a cached transaction', session.transaction.bind(session, reader)],
] as [string, typeof card.transaction][];

describe.each(kinds)('%s', (_, transaction) => {
  test('returns the result of its callback', async () => {
    expect(await transaction(async () => 'result')).toBe('result');
    expect(await transaction(() => 7)).toBe(7);
  });

  test.each([
    ['leave', verified],
    ['reset', forgotten],
    ['unpower', forgotten],
  ] as const)('with disposition %s: the PIN’s state is then %i', async (disposition, expected) => {
    await transaction(verify, { disposition });
    expect(await pinState()).toBe(expected);
  });

  test('leaves the card as it is by default', async () => {
    await transaction(verify);
    expect(await pinState()).toBe(verified);
  });

  test('ends with a disposition that was changed within it', async () => {
    await transaction(async (tx) => {
      await verify(tx);
      tx.disposition = 'reset';
    });
    expect(await pinState()).toBe(forgotten);
  });

  test('throws a TypeError for an invalid disposition, and the card is reset', async () => {
    const error = await errorOf(
      transaction(async (tx) => {
        await verify(tx);
        tx.disposition = 'burn' as 'reset';
      }),
    );
    expect(error).toBeInstanceOf(TypeError);
    expect(await pinState()).toBe(forgotten);
  });

  test('whose callback throws resets the card and rejects with the callback’s error', async () => {
    const failure = new Error('of the callback');
    const error = await errorOf(
      transaction(async (tx) => {
        await verify(tx);
        throw failure;
      }),
    );
    expect(error).toBe(failure);
    expect(await pinState()).toBe(forgotten);
  });

  test('whose callback throws synchronously ends, too', async () => {
    const throws = () => {
      throw new Error('at once');
    };
    await expect(transaction(throws)).rejects.toThrow('at once');
    expect(await transaction(() => 'next', { timeout: 2000 })).toBe('next');
  });

  test('runs a hundred times in a row, with every third callback failing', async () => {
    for (let i = 0; i < 100; i++) {
      const one = transaction(async (tx) => {
        await tx.transmit(selectPiv);
        if (i % 3 === 0) throw new Error(`number ${i}`);
        return i;
      });
      if (i % 3 === 0) await expect(one).rejects.toThrow(`number ${i}`);
      else expect(await one).toBe(i);
    }
  });
});

test('a card removed within a transaction is an error at its end, and the next card works', async () => {
  const { name, port } = readerAt(rig, 1);
  const first = await createPivCard({ port });
  const other = await session.connect(name);
  const error = await errorOf(
    other.transaction(async () => {
      await using _out = forThisTest(first);
    }),
  );
  expect(error).toMatchObject({ name: 'PcscError', operation: 'SCardEndTransaction', reader: name });
  const second = await createPivCard({ port });
  await using _out = forThisTest(second);
  expect(await other.transaction((tx) => sw(tx, selectPiv))).toBe(0x9000);
  await other.close();
});
