/** A session's view of the smart cards: its own context, cards and transactions. */
import type { CacheTarget, CardCache } from './cache.js';
import { Card, type ConnectOptions } from './card.js';
import { closedError, PcscError } from './errors.js';
import { whileHolding } from './holding.js';
import { ReaderWatch } from './monitor.js';
import { type NativeChannel, native } from './native.js';
import { checkRestOptions } from './rest.js';
import type { SessionIdentity } from './session-identity.js';
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.js';
import { checkCallback, checkGroups, checkOptions, checkReader, dispositionNumber } from './values.js';
import { type Cancellation, checkWaitOptions, type WaitOptions, waitFor } from './waiting.js';

export interface ListReadersOptions extends WaitOptions {
  /**
   * Only readers in any of these groups, such as SCard$DefaultReaders. pcsc-lite ignores it: all its readers are
   * in that one.
   */
  groups?: readonly string[] | undefined;
}

type Question<T> = (channel: NativeChannel, cancel: Cancellation | undefined) => Promise<T>;

/** Made by `bridge.openSession`. Closing it closes its cards and watches. */
export class SessionContext {
  /** Who this session is: the key of its cached cards. */
  readonly identity: Readonly<SessionIdentity>;
  readonly #cache: CardCache;
  readonly #onClose: (session: SessionContext) => Promise<void>;
  readonly #cards = new Set<Card>();
  readonly #watches = new Set<ReaderWatch>();
  readonly #closing = new AbortController();
  #channel: NativeChannel | undefined;
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(
    identity: SessionIdentity,
    cache: CardCache,
    onClose: (session: SessionContext) => Promise<void>,
  ) {
    this.identity = Object.freeze({ ...identity });
    this.#cache = cache;
    this.#onClose = onClose;
  }

  /** SCardListReaders; empty where there is none. */
  async listReaders(options: ListReadersOptions = {}): Promise<string[]> {
    checkOptions(options);
    const groups = checkGroups(options.groups ?? []);
    return this.#ask('SCardListReaders', options, (channel, cancel) =>
      channel.listReaders(groups, cancel?.native),
    );
  }

  /** SCardListReaderGroups: on pcsc-lite always SCard$DefaultReaders, which all readers are in. */
  async listReaderGroups(options?: WaitOptions): Promise<string[]> {
    return this.#ask('SCardListReaderGroups', options, (channel, cancel) =>
      channel.listReaderGroups(cancel?.native),
    );
  }

  /**
   * SCardIsValidContext: whether the session's own context works. A context does not outlive its service; the
   * session's next call gets a new one by itself. False where there is no service.
   */
  async isValid(options?: WaitOptions): Promise<boolean> {
    this.#checkOpen();
    const check = (cancel?: Cancellation) => this.#isValid(cancel);
    return waitFor('SCardIsValidContext', undefined, options, check, this.#closing.signal);
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
    checkRestOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    const lease = await this.#cache.find(this.identity, target, options, this.#closing.signal);
    const { transaction } = lease;
    transaction.disposition = disposition;
    return whileHolding(transaction.reader, undefined, () =>
      runTransaction(transaction, callback, (how) => lease.finish(how), options),
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
    const released = this.#onClose(this);
    for (const watch of [...this.#watches]) watch.close();
    await Promise.all([
      released,
      ...[...this.#cards].map((card) => card.close()),
      this.#channel?.close(dispositionNumber('leave')),
    ]);
  }

  async #ask<T>(operation: string, options: WaitOptions | undefined, question: Question<T>): Promise<T> {
    this.#checkOpen();
    const ask = (cancel?: Cancellation) => this.#askTwice(question, cancel);
    return waitFor(operation, undefined, options, ask, this.#closing.signal);
  }

  async #askTwice<T>(question: Question<T>, cancel: Cancellation | undefined): Promise<T> {
    const known = this.#channel;
    if (known !== undefined && !known.ended) {
      try {
        return await question(known, cancel);
      } catch (error) {
        if (cancel?.cancelled || !(error instanceof PcscError)) throw error;
        // A context does not outlive its daemon, nor a call on it that was given up: once more, on a new one.
        void known.close(dispositionNumber('leave'));
      }
    }
    if (this.#closed) throw closedError('SessionContext');
    if (this.#channel === undefined || this.#channel === known) this.#channel = new native.Channel();
    return question(this.#channel, cancel);
  }

  async #isValid(cancel: Cancellation | undefined): Promise<boolean> {
    if (this.#channel === undefined || this.#channel.ended) this.#channel = new native.Channel();
    const channel = this.#channel;
    let valid = false;
    try {
      valid = await channel.isValid(cancel?.native);
    } catch (error) {
      if (cancel?.cancelled || !(error instanceof PcscError)) throw error;
    }
    if (!valid) {
      void channel.close(dispositionNumber('leave'));
      if (this.#channel === channel) this.#channel = undefined;
    }
    return valid;
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('SessionContext');
  }
}
