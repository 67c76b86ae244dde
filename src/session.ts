/** A session's view of the smart cards: its own context, cards and transactions. */
import type { CacheTarget, CardCache } from './cache.js';
import { Card, type ConnectOptions } from './card.js';
import { closedError } from './errors.js';
import { ReaderWatch } from './monitor.js';
import { type NativeChannel, native } from './native.js';
import type { SessionIdentity } from './session-identity.js';
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.js';
import { checkReader, dispositionNumber } from './values.js';
import { checkWaitOptions, type WaitOptions, waitFor } from './waiting.js';

/** Made by `bridge.openSession`. Closing it closes its cards and watches. */
export class SessionContext {
  /** Who this session is: the key of its cached cards. */
  readonly identity: Readonly<SessionIdentity>;
  readonly #cache: CardCache;
  readonly #onClose: (session: SessionContext) => void;
  readonly #cards = new Set<Card>();
  readonly #watches = new Set<ReaderWatch>();
  #channel: NativeChannel | undefined;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(identity: SessionIdentity, cache: CardCache, onClose: (session: SessionContext) => void) {
    this.identity = Object.freeze({ ...identity });
    this.#cache = cache;
    this.#onClose = onClose;
  }

  /** SCardListReaders; empty where there is none. */
  async listReaders(options?: WaitOptions): Promise<string[]> {
    this.#checkOpen();
    if (this.#channel === undefined || this.#channel.ended) this.#channel = new native.Channel();
    const channel = this.#channel;
    try {
      return await waitFor('SCardListReaders', undefined, options, (cancel) =>
        channel.listReaders(cancel?.native),
      );
    } catch (error) {
      // A context does not outlive its daemon: the next call gets a new one.
      if (this.#channel === channel) this.#channel = undefined;
      void channel.close(dispositionNumber('leave'));
      throw error;
    }
  }

  /** Events of readers and cards from now on, what is there already first. */
  watch(options: { signal?: AbortSignal | undefined } = {}): ReaderWatch {
    this.#checkOpen();
    const { signal } = checkWaitOptions(options);
    const watch = new ReaderWatch(signal, (ended) => this.#watches.delete(ended));
    this.#watches.add(watch);
    return watch;
  }

  /** SCardConnect, on a context of its own. */
  async connect(reader: string, options: ConnectOptions = {}): Promise<Card> {
    this.#checkOpen();
    const card = await Card.connect(checkReader(reader), options, (closed) => this.#cards.delete(closed));
    if (this.#closed) {
      await card.close();
      throw closedError('SessionContext');
    }
    this.#cards.add(card);
    return card;
  }

  /**
   * A transaction on a cached card of this session: found in the card cache, connected where it is not there.
   * Like `card.transaction` in everything else.
   */
  async transaction<T>(
    target: CacheTarget,
    callback: (transaction: Transaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.#checkOpen();
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    const lease = await this.#cache.acquire(this.identity, target, options);
    lease.transaction.disposition = disposition;
    return runTransaction(lease.transaction, callback, (how) => lease.finish(how));
  }

  /** Closes cards and watches. The last session of an identity takes its cached cards along. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#onClose(this);
    for (const watch of [...this.#watches]) watch.close();
    await Promise.all([
      ...[...this.#cards].map((card) => card.close()),
      this.#channel?.close(dispositionNumber('leave')),
    ]);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('SessionContext');
  }
}
