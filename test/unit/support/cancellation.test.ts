import { describe, expect, test, vi } from 'vitest';
import { type Cancellation, Closing, waitFor } from '../../../src/support/cancellation.js';
import { errorOf } from '../../support/time.js';

/** An operation that never ends unless it is cancelled. */
function endless(cancel?: Cancellation): Promise<never> {
  return new Promise((_, reject) => cancel?.onCancel(() => reject(new Error('cancelled'))));
}

test('without options nothing can be cancelled', async () => {
  const start = vi.fn(async (cancel?: Cancellation) => cancel);
  expect(await waitFor('op', 'R', undefined, start)).toBeUndefined();
  expect(await waitFor('op', 'R', {}, start)).toBeUndefined();
  expect(await waitFor('op', 'R', { timeout: Number.POSITIVE_INFINITY }, start)).toBeUndefined();
  expect(await waitFor('op', 'R', { timeout: 2 ** 40 }, start)).toBeUndefined();
});

test('a timeout cancels the operation, also one of 0', async () => {
  for (const timeout of [0, 10]) {
    expect(await errorOf(waitFor('op', 'R', { timeout }, endless))).toMatchObject({
      name: 'TimeoutError',
      timeout,
    });
  }
});

test('a signal cancels the operation, and the error has its reason', async () => {
  const abort = new AbortController();
  const error = errorOf(waitFor('op', undefined, { signal: abort.signal }, endless));
  abort.abort(7);
  expect(await error).toMatchObject({ name: 'AbortError', cause: 7, reader: undefined });
});

test('the first of signal, timeout and closing determines the error', async () => {
  const abort = new AbortController();
  const closing = new Closing();
  const reason = new Error('closed');
  const options = { signal: abort.signal, timeout: 1000 };
  const error = errorOf(waitFor('op', 'R', options, endless, closing));
  closing.close(reason);
  abort.abort();
  expect(await error).toBe(reason);
  expect(await errorOf(waitFor('op', 'R', options, endless, closing))).toBe(reason);
});

test('an operation that succeeds despite its cancellation resolves', async () => {
  const abort = new AbortController();
  const late = waitFor('op', 'R', { signal: abort.signal }, async () => {
    abort.abort();
    return 'result';
  });
  expect(await late).toBe('result');
});

test('an error of the operation is passed through unchanged', async () => {
  const failure = new Error('its own');
  const fails = () => Promise.reject(failure);
  expect(await errorOf(waitFor('op', 'R', { timeout: 1000 }, fails))).toBe(failure);
});

test('a hundred waits on one signal remove their listeners, without a warning of Node', async () => {
  const warn = vi.fn();
  process.on('warning', warn);
  const { signal } = new AbortController();
  const added = vi.spyOn(signal, 'addEventListener');
  const removed = vi.spyOn(signal, 'removeEventListener');
  const waits = Array.from({ length: 100 }, () =>
    waitFor('op', 'R', { signal }, () => new Promise<void>((resolve) => setTimeout(resolve, 5))),
  );
  await Promise.all(waits);
  await new Promise((resolve) => setImmediate(resolve)); // a warning is emitted on the next tick
  expect(added).toHaveBeenCalledTimes(100);
  expect(removed).toHaveBeenCalledTimes(100);
  expect(warn).not.toHaveBeenCalled();
  process.off('warning', warn);
});

describe('invalid options are rejected', () => {
  test.each([
    ['a timeout of -1', { timeout: -1 }, RangeError],
    ['a timeout of NaN', { timeout: Number.NaN }, RangeError],
    ['a timeout as text', { timeout: '5s' }, TypeError],
    ['a timeout of null', { timeout: null }, TypeError],
    ['an invalid signal', { signal: {} }, TypeError],
    ['a controller for its signal', { signal: new AbortController() }, TypeError],
    ['a number', 5, TypeError],
    ['null', null, TypeError],
  ])('%s', async (_, options, kind) => {
    const start = vi.fn(endless);
    const error = await errorOf<Error>(waitFor('op', 'R', options as object, start));
    expect(error).toBeInstanceOf(kind);
    expect(error.message).toMatch(/^(timeout|signal|options) must be .*, not /);
    expect(start).not.toHaveBeenCalled();
  });
});
