import { expect, test } from 'vitest';
import { TransactionQueue } from '../../../src/card/transaction-queue.js';
import { Cancellation } from '../../../src/support/cancellation.js';
import { errorOf, staysPending } from '../../support/time.js';

test('the turn is taken at once where nobody has it', async () => {
  const queue = new TransactionQueue();
  expect(queue.taken).toBe(false);
  await queue.enter();
  expect(queue.taken).toBe(true);
  queue.leave();
  expect(queue.taken).toBe(false);
});

test('it passes in order of arrival', async () => {
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

test('who gives up is passed over', async () => {
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

test('who gave up before never waits', async () => {
  const queue = new TransactionQueue();
  await queue.enter();
  const cancel = new Cancellation(true);
  cancel.cancel();
  await errorOf(queue.enter(cancel));
});

test('disbanding sends away who waits, but not who has the turn', async () => {
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
