/** A signal that aborts with any of others, or earlier; at the end of its block in any case. */
export class ScopedAbort implements Disposable {
  readonly #own = new AbortController();
  readonly #listening: (() => void)[] = [];

  constructor(...others: (AbortSignal | undefined)[]) {
    for (const other of others) {
      const onAbort = () => this.#own.abort(other?.reason);
      if (other?.aborted) onAbort();
      other?.addEventListener('abort', onAbort, { once: true });
      this.#listening.push(() => other?.removeEventListener('abort', onAbort));
    }
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  end(): void {
    this.#own.abort();
  }

  [Symbol.dispose](): void {
    for (const stop of this.#listening) stop();
    this.end();
  }
}
