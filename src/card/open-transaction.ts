/** A transaction without a callback. */
import { type Disposition, dispositionNumber } from '../support/validation.js';
import type { IdleOptions } from './idle-timer.js';
import { Transaction, type TransactionParts } from './transaction.js';
import { endTransaction, resetTransaction, type TransactionEnd } from './transaction-end.js';

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
  readonly #end: TransactionEnd;
  #ended: Promise<void> | undefined;

  /** @internal Use `card.beginTransaction`. */
  constructor(parts: TransactionParts, idle: IdleOptions, end: TransactionEnd) {
    super(parts);
    this.#end = end;
    end.activity.begun(this);
    this.watchIdle(idle)?.catch((error: unknown) => {
      this.#ended ??= resetTransaction(end, error);
    });
  }

  /**
   * Ends the transaction (SCardEndTransaction). Later calls return the promise of the first.
   *
   * @param disposition - What happens to the card.
   * @default `this.disposition`, which is 'leave' unless `beginTransaction` received another one
   * @throws {PcscError} The card was removed, or the service stopped. The transaction has ended nevertheless.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` of `beginTransaction` ended the wait for a service that
   *   hangs.
   */
  end(disposition: Disposition = this.disposition): Promise<void> {
    dispositionNumber(disposition);
    this.seal();
    this.#ended ??= endTransaction(this.#end, disposition);
    return this.#ended;
  }

  /** Ends the transaction with a reset if `end()` was not called. It does not throw. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('reset').catch(() => {});
  }
}
