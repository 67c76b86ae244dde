/** A transaction without a callback. */
import type { TransactionActivity } from '../diagnostics/activity.js';
import { type Disposition, dispositionNumber } from '../support/validation.js';
import type { IdleOptions } from './idle-timer.js';
import { Transaction, type TransactionParts } from './transaction.js';

/**
 * A transaction that lasts until `end()`. `card.beginTransaction` returns it:
 *
 * ```ts
 * await using tx = await card.beginTransaction();
 * await tx.transmit(apdu);
 * await tx.end();
 * ```
 */
export class OpenTransaction extends Transaction {
  readonly #finish: (disposition: number) => Promise<void>;
  readonly #activity: TransactionActivity;
  #ended: Promise<void> | undefined;

  /** @internal Use `card.beginTransaction`. */
  constructor(
    parts: TransactionParts,
    finish: (disposition: number) => Promise<void>,
    idle: IdleOptions,
    activity: TransactionActivity,
  ) {
    super(parts);
    this.#finish = finish;
    this.#activity = activity;
    activity.begun(this);
    this.watchIdle(idle)?.catch((error: unknown) => {
      this.#ended ??= this.#end('reset', error);
      this.#ended.catch(() => {});
    });
  }

  /**
   * Ends the transaction (SCardEndTransaction). Later calls return the promise of the first.
   *
   * @param disposition - What happens to the card.
   * @default `this.disposition`, which is 'leave' unless `beginTransaction` received another one
   * @throws {PcscError} The card was removed, or the service stopped. The transaction has ended nevertheless.
   */
  end(disposition: Disposition = this.disposition): Promise<void> {
    dispositionNumber(disposition);
    this.seal();
    this.#ended ??= this.#end(disposition);
    return this.#ended;
  }

  /** Ends the transaction with a reset if `end()` was not called. It does not throw. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('reset').catch(() => {});
  }

  async #end(disposition: Disposition, cause?: unknown): Promise<void> {
    try {
      await this.#finish(dispositionNumber(disposition));
      this.#activity.ended(cause);
    } catch (error) {
      this.#activity.ended(cause ?? error);
      throw error;
    }
  }
}
