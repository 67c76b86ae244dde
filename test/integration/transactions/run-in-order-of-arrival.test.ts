import { describe, expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { deferred, heldOpen, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader } = readerAt(rig);
const numbers = Array.from({ length: 16 }, (_, i) => i);

/** Sixteen transactions, each begun once the one before is in the queue. */
async function inLine(
  ask: (number: number, done: () => Promise<void>) => Promise<unknown>,
): Promise<number[]> {
  const order: number[] = [];
  let inside = 0;
  const all = numbers.map((number) =>
    ask(number, async () => {
      expect(++inside).toBe(1);
      order.push(number);
      await new Promise((resolve) => setImmediate(resolve));
      inside--;
    }),
  );
  await Promise.all(all);
  return order;
}

test('sixteen transactions of one card run in order of arrival', async () => {
  await using card = await session.connect(reader);
  expect(await inLine((_, done) => card.transaction(done))).toEqual(numbers);
});

describe('behind another process’s transaction', () => {
  test('sixteen transactions of sixteen cards run in order', async () => {
    const cards = await Promise.all(numbers.map(() => session.connect(reader)));
    await using holder = await CardHold.start(reader);
    const order: number[] = [];
    const all: Promise<unknown>[] = [];
    for (const [number, card] of cards.entries()) {
      const transaction = card.transaction(() => order.push(number));
      // Each connection has a thread of its own; a pause makes sure which came first.
      expect(await staysPending(transaction, 20)).toBe(true);
      all.push(transaction);
    }
    await holder.release();
    await Promise.all(all);
    expect(order).toEqual(numbers);
    await Promise.all(cards.map((card) => card.close()));
  });

  test('sixteen cached transactions of one session run in order', async () => {
    await session.transaction(reader, () => {});
    await using holder = await CardHold.start(reader);
    const all = inLine((_, done) => session.transaction(reader, done));
    expect(await staysPending(all)).toBe(true);
    await holder.release();
    expect(await all).toEqual(numbers);
  });
});

test('operations of other code on the card wait until its transaction has ended', async () => {
  await using card = await session.connect(reader);
  const { promise: given, resolve: proceed } = deferred();
  const order: string[] = [];
  const transaction = card.transaction(async (tx) => {
    order.push('begin');
    await given;
    expect(await sw(tx, selectPiv)).toBe(0x9000);
    order.push('end');
  });
  const others = [
    card.transmit(selectPiv).then(() => order.push('transmit')),
    card.status().then(() => order.push('status')),
    card.transaction(() => order.push('transaction')),
  ];
  expect(await staysPending(Promise.race(others))).toBe(true);
  proceed();
  await Promise.all([transaction, ...others]);
  expect(order).toEqual(['begin', 'end', 'transmit', 'status', 'transaction']);
});

test('operations of the callback on the card are part of the transaction', async () => {
  await using card = await session.connect(reader);
  const state = await card.transaction(async () => {
    expect(await sw(card, selectPiv)).toBe(0x9000);
    return (await card.status()).state;
  });
  expect(state).toBeTypeOf('string');
});

test('another card on the reader waits for the transaction to end', async () => {
  await using card = await session.connect(reader);
  await using other = await session.connect(reader);
  const { callback, begun, end } = heldOpen();
  const transaction = card.transaction(callback);
  await begun;
  const transmit = other.transmit(selectPiv);
  const connect = session.connect(reader);
  expect(await staysPending(Promise.race([transmit, connect]))).toBe(true);
  end();
  await transaction;
  expect((await transmit).subarray(-2)).toEqual(Uint8Array.of(0x90, 0));
  await (await connect).close();
});
