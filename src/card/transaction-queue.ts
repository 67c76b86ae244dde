/** First come, first served, one at a time: the transactions of one Card object. */
import type { Cancellation } from '../support/cancellation.js';

interface Place {
  come(): void;
  go(error: Error): void;
}

export class Line {
  #taken = false;
  #waiting: Place[] = [];

  /** Somebody has the turn. */
  get taken(): boolean {
    return this.#taken;
  }

  /** Waits for the turn, and returns for how many milliseconds; rejects when cancelled before it comes. */
  async enter(cancel?: Cancellation): Promise<number> {
    if (!this.#taken) {
      this.#taken = true;
      return 0;
    }
    const since = performance.now();
    await new Promise<void>((resolve, reject) => {
      const place: Place = { come: resolve, go: reject };
      this.#waiting.push(place);
      cancel?.onCancel(() => {
        const index = this.#waiting.indexOf(place);
        if (index < 0) return;
        this.#waiting.splice(index, 1);
        reject(new Error('cancelled'));
      });
    });
    cancel?.onCancel(undefined);
    return performance.now() - since;
  }

  /** Gives the turn to the next. */
  leave(): void {
    const next = this.#waiting.shift();
    if (next) next.come();
    else this.#taken = false;
  }

  /** Sends all away who wait. */
  disband(error: Error): void {
    for (const place of this.#waiting.splice(0)) place.go(error);
  }
}
