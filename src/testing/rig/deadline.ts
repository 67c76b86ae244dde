/**
 * A time limit together with a caller's signal. Keeps the process running until it is disposed. Then it lets go of both:
 * its own signal does not abort any more.
 */
export class Deadline implements Disposable {
  readonly #end = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #letGo: () => void;
  #passed = false;

  constructor(milliseconds: number, signal?: AbortSignal) {
    const onAbort = () => this.#end.abort(signal?.reason);
    this.#timer = setTimeout(() => {
      this.#passed = !this.signal.aborted;
      this.#end.abort();
    }, milliseconds);
    if (signal?.aborted) onAbort();
    signal?.addEventListener('abort', onAbort);
    this.#letGo = () => signal?.removeEventListener('abort', onAbort);
  }

  /** Aborted when the time is over, or when the caller has aborted, with the caller's reason. */
  get signal(): AbortSignal {
    return this.#end.signal;
  }

  /** Whether it was the time that ended it. */
  get passed(): boolean {
    return this.#passed;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#letGo();
  }
}
