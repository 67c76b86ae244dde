/** A session's view of the smart cards: its own context, cards and transactions. */
import { setMaxListeners } from 'node:events';
import type { CacheTarget, CardCache } from './cache.js';
import { Card, type ConnectOptions } from './card.js';
import { closedError, PcscError } from './errors.js';
import { whileHolding } from './holding.js';
import { ReaderWatch } from './monitor.js';
import { type NativeChannel, native } from './native.js';
import type { SessionIdentity } from './session-identity.js';
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.js';
import { checkCallback, checkOptions, checkReader, dispositionNumber } from './values.js';
import { type Cancellation, checkWaitOptions, type WaitOptions, waitFor } from './waiting.js';

/** Made by `bridge.openSession`. Closing it closes its cards and watches. */
export class SessionContext {
  /** Who this session is: the key of its cached cards. */
  readonly identity: Readonly<SessionIdentity>;
  readonly #cache: CardCache;
  readonly #onClose: (session: SessionContext) => void;
  readonly #cards = new Set<Card>();
  readonly #watches = new Set<ReaderWatch>();
  readonly #closing = new AbortController();
  #channel: NativeChannel | undefined;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(identity: SessionIdentity, cache: CardCache, onClose: (session: SessionContext) => void) {
    this.identity = Object.freeze({ ...identity });
    this.#cache = cache;
    this.#onClose = onClose;
    // One for each wait, and there may be many.
    setMaxListeners(0, this.#closing.signal);
  }

  /** SCardListReaders; empty where there is none. */
  async listReaders(options?: WaitOptions): Promise<string[]> {
    this.#checkOpen();
    const list = (cancel?: Cancellation) => this.#listReaders(cancel);
    return waitFor('SCardListReaders', undefined, options, list, this.#closing.signal);
  }

  /** Events of readers and cards from now on, what is there already first. */
  watch(options: { signal?: AbortSignal | undefined } = {}): ReaderWatch {
    this.#checkOpen();
    const { signal } = checkWaitOptions(options);
    const watch = new ReaderWatch(signal, (ended) => this.#watches.delete(ended));
    if (!signal?.aborted) this.#watches.add(watch);
    return watch;
  }

  /** SCardConnect, on a context of its own. */
  async connect(reader: string, options: ConnectOptions = {}): Promise<Card> {
    this.#checkOpen();
    const onClose = (closed: Card) => this.#cards.delete(closed);
    const card = await Card.connect(checkReader(reader), options, onClose, this.#closing.signal);
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
    checkCallback(callback);
    checkOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    const lease = await this.#cache.find(this.identity, target, options, this.#closing.signal);
    const { transaction } = lease;
    transaction.disposition = disposition;
    return whileHolding(transaction.reader, undefined, () =>
      runTransaction(transaction, callback, (how) => lease.finish(how)),
    );
  }

  /**
   * Ends what waits, and closes cards and watches. The last session of an identity takes its cached cards
   * along; a cached transaction that has begun goes on to its end.
   */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort(closedError('SessionContext'));
    this.#onClose(this);
    for (const watch of [...this.#watches]) watch.close();
    await Promise.all([
      ...[...this.#cards].map((card) => card.close()),
      this.#channel?.close(dispositionNumber('leave')),
    ]);
  }

  async #listReaders(cancel: Cancellation | undefined): Promise<string[]> {
    const known = this.#channel;
    if (known !== undefined && !known.ended) {
      try {
        return await known.listReaders(cancel?.native);
      } catch (error) {
        if (cancel?.cancelled || !(error instanceof PcscError)) throw error;
        // A context does not outlive its daemon, nor a call on it that was given up: once more, on a new one.
        void known.close(dispositionNumber('leave'));
      }
    }
    if (this.#closed) throw closedError('SessionContext');
    if (this.#channel === undefined || this.#channel === known) this.#channel = new native.Channel();
    return this.#channel.listReaders(cancel?.native);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('SessionContext');
  }
}
