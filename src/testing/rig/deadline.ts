/** A time limit together with a caller's signal. Keeps the process running until disposed. */
export class Deadline implements Disposable {
  readonly #limit = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #milliseconds: number;
  /** Aborted when the time is over or the caller has aborted. */
  readonly signal: AbortSignal;

  constructor(milliseconds: number, signal?: AbortSignal) {
    this.#milliseconds = milliseconds;
    this.#timer = setTimeout(() => this.#limit.abort(), milliseconds);
    this.signal = signal ? AbortSignal.any([this.#limit.signal, signal]) : this.#limit.signal;
  }

  /** Whether it was the time that ended it. */
  get passed(): boolean {
    return this.#limit.signal.aborted;
  }

  get reason(): string {
    return `pcscd did not come up with all its readers within ${this.#milliseconds} ms`;
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
