/** What becomes of a transaction that nobody uses for a while. */

export interface RestOptions {
  /**
   * Milliseconds without any use after which the transaction is taken for forgotten: the card is reset and let
   * go, and the promise rejects with SCARD_W_RESET_CARD. Not at all unless given. (Windows 8 and later do so after
   * five seconds, whatever the program wants.)
   */
  idleTimeout?: number | undefined;
  /** Asks for the card's status every two seconds without any use, so that Windows does not end the transaction. */
  keepAlive?: boolean | undefined;
}

/** Well below the five seconds of Windows. */
const keepAliveEvery = 2000;

/** Counts the time between uses. */
export class Rest {
  #uses = 0;
  #idle: NodeJS.Timeout | undefined;
  #alive: NodeJS.Timeout | undefined;

  constructor(
    readonly options: RestOptions,
    readonly onIdle: () => void,
    readonly onKeepAlive: () => void,
  ) {
    this.#begin();
  }

  /** Runs a use of the transaction; time counts again when the last has ended. */
  async during<T>(use: () => Promise<T>): Promise<T> {
    this.#uses++;
    this.stop();
    try {
      return await use();
    } finally {
      if (--this.#uses === 0) this.#begin();
    }
  }

  stop(): void {
    clearTimeout(this.#idle);
    clearInterval(this.#alive);
  }

  #begin(): void {
    const { idleTimeout, keepAlive } = this.options;
    if (idleTimeout !== undefined && idleTimeout !== Number.POSITIVE_INFINITY) {
      this.#idle = setTimeout(this.onIdle, idleTimeout);
    }
    if (keepAlive) this.#alive = setInterval(this.onKeepAlive, keepAliveEvery);
  }
}

/** TypeError or RangeError for what the options cannot be. */
export function checkRestOptions({ idleTimeout, keepAlive }: RestOptions): void {
  if (idleTimeout !== undefined && !(typeof idleTimeout === 'number' && idleTimeout > 0)) {
    throw new RangeError(`idleTimeout must be a number of milliseconds above 0, not ${String(idleTimeout)}`);
  }
  if (keepAlive !== undefined && typeof keepAlive !== 'boolean') {
    throw new TypeError(`keepAlive must be true or false, not ${String(keepAlive)}`);
  }
}
