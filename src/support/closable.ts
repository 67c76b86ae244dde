/** What every object has that is closed once. */
import { closedError } from '../errors.js';

/** An object with `close()`, for `await using`. */
export abstract class Closable implements AsyncDisposable {
  readonly #name: string;
  #closed: Promise<void> | undefined;

  /** @internal `name`: of the class, for the error of a call after `close()`. */
  constructor(name: string) {
    this.#name = name;
  }

  abstract close(): Promise<void>;

  /** Calls `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** @internal Runs `close` for the first caller. Later callers get the promise of the first. */
  protected closeOnce(close: () => Promise<void>): Promise<void> {
    this.#closed ??= close();
    return this.#closed;
  }

  /** @internal True from the first call of `close()` on. */
  protected get isClosed(): boolean {
    return this.#closed !== undefined;
  }

  /** @internal Throws BRIDGE_E_CLOSED if the object is closed. */
  protected checkOpen(): void {
    if (this.isClosed) throw closedError(this.#name);
  }
}
