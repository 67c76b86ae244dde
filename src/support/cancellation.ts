/** Waits that can be ended: `timeout` and `signal`, the same everywhere. */
import { setMaxListeners } from 'node:events';
import { AbortError, TimeoutError } from '../errors.js';
import { type NativeCancel, native } from '../native/addon.js';
import { checkOptions, describe } from './validation.js';

/** How long to wait, and who may end it. Without either, without limit. */
export interface WaitOptions {
  /** Milliseconds, 0 or more; Infinity for no limit. When over: TimeoutError. */
  timeout?: number | undefined;
  /** When aborted: AbortError, or TimeoutError for a signal made by `AbortSignal.timeout`. */
  signal?: AbortSignal | undefined;
}

const longestTimer = 2 ** 31 - 1;

/** One wait's end, for whatever is waiting at the moment: native operations, and waits of our own. */
export class Cancellation {
  readonly native: NativeCancel = new native.Cancel();
  /** The caller gave a `timeout` or a `signal`: waiting is what they want. */
  readonly byCaller: boolean;
  /** What is waited for at the moment, if it is known: the end of an error's sentence. */
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

  /** What a wait that is not native does when it is cancelled; at once if it already is. */
  onCancel(action: (() => void) | undefined): void {
    this.#onCancel = action;
    if (this.#cancelled) action?.();
  }
}

/** What a session's waits have in common: they end when it is closed. Lighter than an AbortSignal, which each session would pay for. */
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

  /** Ends every wait with this reason. Once. */
  close(reason: Error): void {
    this.#reason = reason;
    for (const end of [...(this.#waits ?? [])]) end(reason);
  }
}

/**
 * Runs something that may wait. The promise settles at once when the time is over or the signal
 * aborts, whatever the operation is doing; with its reason when `closing` closes.
 */
export function waitFor<T>(
  operation: string,
  reader: string | undefined,
  options: WaitOptions | undefined,
  start: (cancel?: Cancellation) => Promise<T>,
  closing?: Closing,
): Promise<T> {
  // The way most APDUs go, without a promise more than they need.
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

/** Without Node's warning of many listeners: many calls may share one signal, and each removes its listener at its end. */
export function addAbortListener(signal: AbortSignal | undefined, listener: () => void): void {
  if (signal === undefined) return;
  setMaxListeners(0, signal);
  signal.addEventListener('abort', listener, { once: true });
}

/** The options without those that mean no limit; TypeError or RangeError for what they cannot be. */
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

/** @param waitedFor - What the call is known to have waited for. */
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
