import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { checkIdleOptions, IdleTimer } from '../../../src/card/idle-timer.js';
import { deferred } from '../../support/time.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('a stopped timer stays stopped when parallel uses end afterwards', async () => {
  const onKeepAlive = vi.fn();
  const timer = new IdleTimer({ keepAlive: true, idleTimeout: 100 }, vi.fn(), onKeepAlive);
  const [fails, lasts] = [deferred(), deferred()];
  const first = timer.during(() => fails.promise.then(() => Promise.reject(new Error('no'))));
  const second = timer.during(() => lasts.promise);
  fails.resolve();
  await expect(first).rejects.toThrow('no');
  timer.stop();
  lasts.resolve();
  await second;
  expect(vi.getTimerCount()).toBe(0);
  vi.advanceTimersByTime(10_000);
  expect(onKeepAlive).not.toHaveBeenCalled();
});

test.each([2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY])(
  'an idleTimeout of %d ms, beyond the range of Node.js timers, never ends the transaction',
  (idleTimeout) => {
    const onIdle = vi.fn();
    const timer = new IdleTimer({ idleTimeout }, onIdle, vi.fn());
    vi.advanceTimersByTime(60_000);
    expect(onIdle).not.toHaveBeenCalled();
    timer.stop();
  },
);

test('the time starts again when the last use has ended', async () => {
  const onIdle = vi.fn();
  const timer = new IdleTimer({ idleTimeout: 100 }, onIdle, vi.fn());
  const use = deferred();
  const used = timer.during(() => use.promise);
  vi.advanceTimersByTime(1000);
  use.resolve();
  await used;
  vi.advanceTimersByTime(99);
  expect(onIdle).not.toHaveBeenCalled();
  vi.advanceTimersByTime(1);
  expect(onIdle).toHaveBeenCalledOnce();
});

test('invalid options are rejected with a sentence', () => {
  expect(() => checkIdleOptions({ idleTimeout: 0 })).toThrow(
    'must be a number of milliseconds above 0, not the number 0',
  );
  expect(() => checkIdleOptions({ keepAlive: 'yes' as never })).toThrow(
    'must be true or false, not a string',
  );
});
