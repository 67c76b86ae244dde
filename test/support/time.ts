import { setTimeout } from 'node:timers/promises';

/** How many times longer than usual everything may take. scripts/test-sanitized sets it. */
export const slowness = Number(process.env['PCSC_BRIDGE_TEST_SLOWNESS'] ?? 1);

/** Milliseconds until the promise settles. */
export async function durationOf(promise: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await promise.catch(() => {});
  return performance.now() - start;
}

/** True if the promise is still pending after this time. */
export async function staysPending(promise: Promise<unknown>, ms = 150): Promise<boolean> {
  const settled = promise.then(
    () => false,
    () => false,
  );
  return Promise.race([settled, setTimeout(ms, true)]);
}

/** The error of a promise that rejects; fails if it resolves. */
export async function errorOf<E = unknown>(promise: Promise<unknown>): Promise<E> {
  try {
    await promise;
  } catch (error) {
    return error as E;
  }
  throw new Error('it succeeded');
}

export function median(values: number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** A callback that stays in its transaction until `end` is called; `begun` resolves when it runs. */
export function heldOpen(): { callback: () => Promise<void>; begun: Promise<void>; end(): void } {
  const [begun, ended] = [deferred(), deferred()];
  const callback = () => {
    begun.resolve();
    return ended.promise;
  };
  return { callback, begun: begun.promise, end: ended.resolve };
}

/** A promise and the function that resolves it. */
export function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve!: () => void;
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
