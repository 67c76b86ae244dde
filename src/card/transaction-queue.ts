/** The transaction queue of one Card object: one transaction at a time, in order of arrival. */
import type { Cancellation } from '../support/cancellation.js';

interface Waiter {
  admit(): void;
  reject(error: Error): void;
}

export class TransactionQueue {
  #taken = false;
  #waiting: Waiter[] = [];

  /** True while a transaction has the turn. */
  get taken(): boolean {
    return this.#taken;
  }

  /**
   * Waits for the turn.
   * @returns The wait in milliseconds.
   * @throws {Error} The wait was cancelled, or `rejectAll` was called.
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

  /** Lets the next transaction begin. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next) next.admit();
    else this.#taken = false;
  }

  /** Rejects all waiting transactions. */
  rejectAll(error: Error): void {
    for (const waiter of this.#waiting.splice(0)) waiter.reject(error);
  }
}
