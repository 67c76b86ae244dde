/** First come, first served, one at a time: the transactions of one Card object. */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Cancellation } from './waiting.js';

export class Line {
  static readonly #holding = new AsyncLocalStorage<ReadonlySet<Line>>();

  #taken = false;
  #waiting: (() => void)[] = [];

  /** Waits for the turn; rejects when cancelled before it comes. */
  async enter(cancel?: Cancellation): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return;
    }
    await new Promise<void>((resolve, reject) => {
      this.#waiting.push(resolve);
      cancel?.onCancel(() => {
        const place = this.#waiting.indexOf(resolve);
        if (place < 0) return;
        this.#waiting.splice(place, 1);
        reject(new Error('cancelled'));
      });
    });
    cancel?.onCancel(undefined);
  }

  /** Gives the turn to the next. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#taken = false;
  }

  /** Runs what is done during the turn, so that `heldByCaller` knows of it. */
  hold<T>(action: () => Promise<T>): Promise<T> {
    return Line.#holding.run(new Set(Line.#holding.getStore()).add(this), action);
  }

  /** True inside `hold` of this line: entering once more would wait for itself. */
  get heldByCaller(): boolean {
    return Line.#holding.getStore()?.has(this) ?? false;
  }
}
