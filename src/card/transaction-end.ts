/** The end of a transaction, alike for every kind: its limits, and the report of it. */
import type { TransactionActivity } from '../diagnostics/activity.js';
import { TimeoutError } from '../errors.js';
import { abortError, addAbortListener, checkWaitOptions, type WaitOptions } from '../support/cancellation.js';
import { type Disposition, dispositionNumber } from '../support/validation.js';

/**
 * Milliseconds that SCardEndTransaction always has. The call usually takes some milliseconds, but the service may hang.
 * The transaction then ends when the service continues.
 */
const endPatience = 1000;

/** How a transaction that has begun is ended. */
export interface TransactionEnd {
  reader: string;
  /** Calls SCardEndTransaction with the number of a disposition. */
  finish(disposition: number): Promise<void>;
  /** The limits that the transaction began with. They limit its end too, but leave it at least `endPatience`. */
  limits: WaitOptions;
  activity: TransactionActivity;
}

/**
 * Ends the transaction.
 *
 * @throws {PcscError} The code of SCardEndTransaction.
 * @throws {TimeoutError | AbortError} A limit passed. The transaction ends when the service continues.
 */
export async function endTransaction(end: TransactionEnd, disposition: Disposition): Promise<void> {
  try {
    const ending = end.finish(dispositionNumber(disposition));
    const { timeout, signal } = checkWaitOptions(end.limits);
    if (timeout === undefined && signal === undefined) await ending;
    else await within(end.reader, ending, timeout, signal);
  } catch (error) {
    end.activity.ended(error);
    throw error;
  }
  end.activity.ended();
}

/** Ends a transaction that has failed, with a reset. It never rejects: the cause of the failure is what is reported. */
export async function resetTransaction(end: TransactionEnd, cause: unknown): Promise<void> {
  // A reset that fails as well finds a card that has gone, or a service that hangs.
  await within(end.reader, end.finish(dispositionNumber('reset')), endPatience).catch(() => {});
  end.activity.ended(cause);
}

/** Waits for the end of a transaction: for `timeout` at most, and for `endPatience` after `signal` has aborted. */
async function within(
  reader: string,
  ending: Promise<void>,
  timeout?: number,
  signal?: AbortSignal,
): Promise<void> {
  const timers: NodeJS.Timeout[] = [];
  let onAbort = () => {};
  const over = new Promise<never>((_, reject) => {
    const rejectAfter = (ms: number, error: () => Error) => {
      timers.push(setTimeout(() => reject(error()), ms));
    };
    if (timeout !== undefined) {
      const limit = Math.max(timeout, endPatience);
      rejectAfter(limit, () => new TimeoutError('SCardEndTransaction', reader, limit));
    }
    onAbort = () => rejectAfter(endPatience, () => abortError('SCardEndTransaction', reader, signal?.reason));
    if (signal?.aborted) onAbort();
    else addAbortListener(signal, onAbort);
  });
  try {
    await Promise.race([ending, over]);
  } finally {
    timers.forEach(clearTimeout);
    signal?.removeEventListener('abort', onAbort);
  }
}
