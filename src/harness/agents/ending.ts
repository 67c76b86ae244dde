/** A signal that aborts with another one, or earlier; at the end of its block in any case. */
export class Ending implements Disposable {
  readonly #own = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = () => this.#own.abort(this.#outer?.reason);

  constructor(outer?: AbortSignal) {
    this.#outer = outer;
    if (outer?.aborted) this.#onAbort();
    outer?.addEventListener('abort', this.#onAbort, { once: true });
  }

  get signal(): AbortSignal {
    return this.#own.signal;
  }

  end(): void {
    this.#own.abort();
  }

  [Symbol.dispose](): void {
    this.#outer?.removeEventListener('abort', this.#onAbort);
    this.end();
  }
}
