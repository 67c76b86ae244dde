import { expect, test } from 'vitest';
import { TransactionQueue } from '../../../src/card/transaction-queue.js';
import { Cancellation } from '../../../src/support/cancellation.js';
import { errorOf, staysPending } from '../../support/time.js';

test('a free turn is taken at once', async () => {
  const queue = new TransactionQueue();
  expect(queue.taken).toBe(false);
  await queue.enter();
  expect(queue.taken).toBe(true);
  queue.leave();
  expect(queue.taken).toBe(false);
});

test('the turn passes in order of arrival', async () => {
  const queue = new TransactionQueue();
  const order: number[] = [];
  await queue.enter();
  const all = [1, 2, 3, 4].map(async (number) => {
    await queue.enter();
    order.push(number);
    queue.leave();
  });
  expect(await staysPending(Promise.race(all), 10)).toBe(true);
  queue.leave();
  await Promise.all(all);
  expect(order).toEqual([1, 2, 3, 4]);
  expect(queue.taken).toBe(false);
});

test('an aborted waiter is skipped', async () => {
  const queue = new TransactionQueue();
  await queue.enter();
  const cancel = new Cancellation(true);
  const first = errorOf(queue.enter(cancel));
  const second = queue.enter();
  cancel.cancel();
  await first;
  queue.leave();
  await second;
  cancel.cancel();
  expect(queue.taken).toBe(true);
});

test('a waiter with an aborted signal never waits', async () => {
  const queue = new TransactionQueue();
  await queue.enter();
  const cancel = new Cancellation(true);
  cancel.cancel();
  await errorOf(queue.enter(cancel));
});

test('disbanding rejects the waiters, but does not end the current turn', async () => {
  const queue = new TransactionQueue();
  await queue.enter();
  const waiting = [errorOf(queue.enter()), errorOf(queue.enter())];
  const reason = new Error('closed');
  queue.rejectAll(reason);
  expect(await Promise.all(waiting)).toEqual([reason, reason]);
  expect(queue.taken).toBe(true);
  queue.leave();
  expect(queue.taken).toBe(false);
});
