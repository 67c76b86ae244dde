/** Cancellation: the `timeout` and `signal` options shared by all calls. */
import { setMaxListeners } from 'node:events';
import { AbortError, TimeoutError } from '../errors.js';
import { native } from '../native/addon.js';
import type { NativeCancel } from '../native/types.js';
import { checkOptions, describe } from './validation.js';

/** Limits the time of a call. Without `timeout` and `signal` there is no limit. */
export interface WaitOptions {
  /**
   * Milliseconds, 0 or more. When it has passed, the call rejects with TimeoutError. Infinity means no limit.
   * @default no limit
   */
  timeout?: number | undefined;
  /** Ends the call: it rejects with AbortError, or with TimeoutError for a signal of `AbortSignal.timeout`. */
  signal?: AbortSignal | undefined;
}

/** The longest delay of a Node.js timer in milliseconds, 24.8 days. A longer one would fire at once. */
export const longestTimer = 2 ** 31 - 1;

/** Cancels one call: the native operation that runs at the moment, and waits in TypeScript. */
export class Cancellation {
  readonly native: NativeCancel = new native.Cancel();
  /** True if the caller gave a `timeout` or a `signal`, and so accepts to wait. */
  readonly byCaller: boolean;
  /** What the call waits for at the moment, if known: the end of an error's sentence. */
  waitsFor: string | undefined;
  #onCancel: (() => void) | undefined;
  #cancelled = false;

  constructor(byCaller: boolean) {
    this.byCaller = byCaller;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  cancel(): void {
    this.#cancelled = true;
    this.native.cancel();
    this.#onCancel?.();
  }

  /**
   * Sets the action of a wait that is not native. It runs on cancellation, or at once if the call is already cancelled.
   */
  onCancel(action: (() => void) | undefined): void {
    this.#onCancel = action;
    if (this.#cancelled) action?.();
  }
}

/** Ends the pending calls of a session when it is closed. It is lighter than an AbortSignal per session. */
export class Closing {
  #reason: Error | undefined;
  #waits: Set<(reason: Error) => void> | undefined;

  throwIfClosed(): void {
    if (this.#reason) throw this.#reason;
  }

  add(end: (reason: Error) => void): void {
    this.#waits ??= new Set();
    this.#waits.add(end);
  }

  delete(end: (reason: Error) => void): void {
    this.#waits?.delete(end);
  }

  /** Ends every pending call with this reason. Call it once. */
  close(reason: Error): void {
    this.#reason = reason;
    for (const end of [...(this.#waits ?? [])]) end(reason);
  }
}

/**
 * Runs an operation that may wait. The promise settles at once when the timeout passes or the signal aborts, whatever
 * the operation does. When `closing` closes, it rejects with the reason of that.
 */
export function waitFor<T>(
  operation: string,
  reader: string | undefined,
  options: WaitOptions | undefined,
  start: (cancel?: Cancellation) => Promise<T>,
  closing?: Closing,
): Promise<T> {
  // The fast path of most APDUs, without an extra promise.
  if (options === undefined && closing === undefined) return start();
  return waitForEnd(operation, reader, options, start, closing);
}

async function waitForEnd<T>(
  operation: string,
  reader: string | undefined,
  options: WaitOptions | undefined,
  start: (cancel?: Cancellation) => Promise<T>,
  closing: Closing | undefined,
): Promise<T> {
  const { timeout, signal } = checkWaitOptions(options);
  if (signal === undefined && timeout === undefined && closing === undefined) return start();
  closing?.throwIfClosed();
  if (signal?.aborted) throw abortError(operation, reader, signal.reason);

  const cancel = new Cancellation(signal !== undefined || options?.timeout !== undefined);
  let ended: Error | undefined;
  const end = (error: Error) => {
    ended ??= error;
    cancel.cancel();
  };
  const onAbort = () => end(abortError(operation, reader, signal?.reason, cancel.waitsFor));
  const timer =
    timeout === undefined
      ? undefined
      : setTimeout(() => {
          end(new TimeoutError(operation, reader, timeout, { waitedFor: cancel.waitsFor }));
        }, timeout);
  addAbortListener(signal, onAbort);
  closing?.add(end);
  try {
    return await start(cancel);
  } catch (error) {
    throw ended ?? error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
    closing?.delete(end);
  }
}

/**
 * Adds a listener without Node's warning about many listeners: many calls may share one signal, and each removes its
 * listener at its end.
 */
export function addAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal === undefined) return;
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
}

/**
 * Returns the options; a timeout that means no limit becomes undefined.
 *
 * @throws {TypeError | RangeError} An option is invalid.
 */
export function checkWaitOptions(options: WaitOptions | undefined): WaitOptions {
  checkOptions(options);
  const { timeout, signal } = options ?? {};
  if (timeout !== undefined && typeof timeout !== 'number') {
    throw new TypeError(`timeout must be a number of milliseconds, not ${describe(timeout)}`);
  }
  if (timeout !== undefined && !(timeout >= 0)) {
    throw new RangeError(`timeout must be 0 milliseconds or more, or Infinity for no limit, not ${timeout}`);
  }
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new TypeError(`signal must be an AbortSignal, not ${describe(signal)}`);
  }
  return { timeout: timeout !== undefined && timeout <= longestTimer ? timeout : undefined, signal };
}

/** @param waitedFor - The known cause of the wait. */
export function abortError(
  operation: string,
  reader: string | undefined,
  reason: unknown,
  waitedFor?: string,
): Error {
  const timedOut = reason instanceof Error && reason.name === 'TimeoutError';
  return timedOut
    ? new TimeoutError(operation, reader, undefined, { reason, waitedFor })
    : new AbortError(operation, reader, reason);
}
