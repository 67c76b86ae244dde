/** The transactions of one Card object: one at a time, in order of arrival. */
import type { Cancellation } from '../support/cancellation.js';

interface Waiter {
  admit(): void;
  reject(error: Error): void;
}

export class TransactionQueue {
  #taken = false;
  #waiting: Waiter[] = [];

  /** A transaction has the turn. */
  get taken(): boolean {
    return this.#taken;
  }

  /**
   * Waits for the turn.
   * @returns How many milliseconds that took.
   * @throws {Error} It was cancelled before the turn came, or the queue was closed.
   */
  async enter(cancel?: Cancellation): Promise<number> {
    if (!this.#taken) {
      this.#taken = true;
      return 0;
    }
    const since = performance.now();
    if (cancel) cancel.waitsFor = 'a transaction of this program on the same Card object has not ended';
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { admit: resolve, reject };
      this.#waiting.push(waiter);
      cancel?.onCancel(() => {
        const index = this.#waiting.indexOf(waiter);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        reject(new Error('cancelled'));
      });
    });
    if (cancel) cancel.waitsFor = undefined;
    cancel?.onCancel(undefined);
    return performance.now() - since;
  }

  /** Passes the turn to the next. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next) next.admit();
    else this.#taken = false;
  }

  /** Rejects all that wait. */
  rejectAll(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
