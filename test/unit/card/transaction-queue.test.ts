import { expect, test } from 'vitest';
import { Line } from '../../../src/card/transaction-queue.js';
import { Cancellation } from '../../../src/support/cancellation.js';
import { errorOf, staysPending } from '../../support/time.js';

test('the turn is taken at once where nobody has it', async () => {
  const line = new Line();
  expect(line.taken).toBe(false);
  await line.enter();
  expect(line.taken).toBe(true);
  line.leave();
  expect(line.taken).toBe(false);
});

test('it passes in order of arrival', async () => {
  const line = new Line();
  const order: number[] = [];
  await line.enter();
  const all = [1, 2, 3, 4].map(async (number) => {
    await line.enter();
    order.push(number);
    line.leave();
  });
  expect(await staysPending(Promise.race(all), 10)).toBe(true);
  line.leave();
  await Promise.all(all);
  expect(order).toEqual([1, 2, 3, 4]);
  expect(line.taken).toBe(false);
});

test('who gives up is passed over', async () => {
  const line = new Line();
  await line.enter();
  const cancel = new Cancellation(true);
  const first = errorOf(line.enter(cancel));
  const second = line.enter();
  cancel.cancel();
  await first;
  line.leave();
  await second;
  cancel.cancel();
  expect(line.taken).toBe(true);
});

test('who gave up before never waits', async () => {
  const line = new Line();
  await line.enter();
  const cancel = new Cancellation(true);
  cancel.cancel();
  await errorOf(line.enter(cancel));
});

test('disbanding sends away who waits, but not who has the turn', async () => {
  const line = new Line();
  await line.enter();
  const waiting = [errorOf(line.enter()), errorOf(line.enter())];
  const reason = new Error('closed');
  line.disband(reason);
  expect(await Promise.all(waiting)).toEqual([reason, reason]);
  expect(line.taken).toBe(true);
  line.leave();
  expect(line.taken).toBe(false);
});
