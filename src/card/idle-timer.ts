/** Ends a transaction that is idle for too long, and keeps an idle transaction alive on Windows. */
import { longestTimer } from '../support/cancellation.js';
import { describe } from '../support/validation.js';

/** What happens to an idle transaction. */
export interface IdleOptions {
  /**
   * Milliseconds above 0 without an operation, after which the transaction ends: the card is reset and released, and
   * the transaction rejects with SCARD_W_RESET_CARD. Windows 8 and later do this after five seconds in any case.
   * @default no limit, the same as Infinity
   */
  idleTimeout?: number | undefined;
  /**
   * Calls SCardStatus after every two seconds without an operation, so that Windows does not end the transaction.
   * @default false
   */
  keepAlive?: boolean | undefined;
}

/** Well below the five seconds of Windows. */
const keepAliveInterval = 2000;

/** Measures the idle time of one transaction. */
export class IdleTimer {
  #uses = 0;
  #stopped = false;
  #idle: NodeJS.Timeout | undefined;
  #alive: NodeJS.Timeout | undefined;

  constructor(
    readonly options: IdleOptions,
    readonly onIdle: () => void,
    readonly onKeepAlive: () => void,
  ) {
    this.#start();
  }

  /** Runs an operation. The timer restarts when the last of several parallel operations ends. */
  async during<T>(use: () => Promise<T>): Promise<T> {
    this.#uses++;
    this.#pause();
    try {
      return await use();
    } finally {
      if (--this.#uses === 0) this.#start();
    }
  }

  /** Stops the timer for good: the transaction has ended, although operations may still run. */
  stop(): void {
    this.#stopped = true;
    this.#pause();
  }

  #pause(): void {
    clearTimeout(this.#idle);
    clearInterval(this.#alive);
  }

  #start(): void {
    if (this.#stopped) return;
    const { idleTimeout, keepAlive } = this.options;
    if (idleTimeout !== undefined && idleTimeout <= longestTimer) {
      this.#idle = setTimeout(this.onIdle, idleTimeout);
    }
    if (keepAlive) this.#alive = setInterval(this.onKeepAlive, keepAliveInterval);
  }
}

/**
 * @throws {RangeError} `idleTimeout` is not a number above 0.
 * @throws {TypeError} `keepAlive` is not a boolean.
 */
export function checkIdleOptions({ idleTimeout, keepAlive }: IdleOptions): void {
  if (idleTimeout !== undefined && !(typeof idleTimeout === 'number' && idleTimeout > 0)) {
    throw new RangeError(
      `idleTimeout must be a number of milliseconds above 0, not ${describe(idleTimeout)}`,
    );
  }
  if (keepAlive !== undefined && typeof keepAlive !== 'boolean') {
    throw new TypeError(`keepAlive must be true or false, not ${describe(keepAlive)}`);
  }
}
