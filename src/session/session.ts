/** A session's view of the smart cards: its cards, transactions and watches. */

import type { CacheTarget, CardCache, CardLease } from '../cache/card-cache.js';
import { Card, type CardPlace, type ConnectOptions } from '../card/card.js';
import { checkIdleOptions } from '../card/idle-timer.js';
import { whileHolding } from '../card/reentrancy.js';
import { runTransaction, type Transaction, type TransactionOptions } from '../card/transaction.js';
import type { Activity } from '../diagnostics/activity.js';
import { closedError, traceToCaller } from '../errors.js';
import type { CardOwner, SessionIdentity } from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { cardFilter, type WaitForCardOptions } from '../readers/card-filter.js';
import { type ReaderSnapshot, snapshotOf, type View } from '../readers/events.js';
import { findInViews } from '../readers/feed.js';
import { ReaderWatch } from '../readers/watch.js';
import {
  type Cancellation,
  Closing,
  checkWaitOptions,
  type WaitOptions,
  waitFor,
} from '../support/cancellation.js';
import {
  checkCallback,
  checkGroups,
  checkOptions,
  checkReader,
  describe,
  dispositionNumber,
} from '../support/validation.js';

export interface ListReadersOptions extends WaitOptions {
  /**
   * Only readers in any of these groups, such as SCard$DefaultReaders. pcsc-lite ignores it: all its readers are
   * in that one.
   */
  groups?: readonly string[] | undefined;
}

export interface WatchOptions {
  /** Ends the watch: iterating rejects with AbortError, or TimeoutError for a signal of `AbortSignal.timeout`. */
  signal?: AbortSignal | undefined;
  /**
   * After 'service-restored', report the readers and cards that are there as if they had just come. A program that acted
   * on 'service-lost' as on the removal of a card needs it.
   * @default false
   */
  retell?: boolean | undefined;
}

/** Made by `bridge.openSession`. Closing it closes its cards and watches. */
export class SessionContext {
  /** Who this session is: the key of its cached cards. */
  readonly identity: Readonly<SessionIdentity>;
  /** @internal What the core knows this session by. */
  readonly owner: CardOwner;
  readonly #cache: CardCache;
  readonly #activity: Activity;
  readonly #onClose: (session: SessionContext) => Promise<void>;
  readonly #cards = new Set<Card>();
  readonly #watches = new Set<ReaderWatch>();
  readonly #closing = new Closing();
  #closed: Promise<void> | undefined;

  /** @internal */
  constructor(
    identity: SessionIdentity,
    owner: CardOwner,
    cache: CardCache,
    activity: Activity,
    onClose: (session: SessionContext) => Promise<void>,
  ) {
    this.identity = Object.freeze({ ...identity });
    this.owner = owner;
    this.#cache = cache;
    this.#activity = activity;
    this.#onClose = onClose;
  }

  /** SCardListReaders; empty where there is none. */
  async listReaders(options: ListReadersOptions = {}): Promise<string[]> {
    checkOptions(options);
    const groups = checkGroups(options.groups ?? []);
    return this.#ask('SCardListReaders', options, (cancel) => native.listReaders(groups, cancel?.native));
  }

  /** SCardListReaderGroups: on pcsc-lite always SCard$DefaultReaders, which all readers are in. */
  async listReaderGroups(options?: WaitOptions): Promise<string[]> {
    return this.#ask('SCardListReaderGroups', options, (cancel) => native.listReaderGroups(cancel?.native));
  }

  /**
   * SCardIsValidContext: whether the context works that this process asks for readers on. A context does not outlive its
   * service; the next call gets a new one by itself. False where there is no service.
   */
  async isValid(options?: WaitOptions): Promise<boolean> {
    return this.#ask('SCardIsValidContext', options, (cancel) => native.isValid(cancel?.native));
  }

  /**
   * Watches readers and cards (SCardGetStatusChange). Begins with what is there already, as if it had just come.
   *
   * @throws {TypeError} An option is not one of these: for a limit in time pass `signal: AbortSignal.timeout(ms)`.
   */
  watch(options: WatchOptions = {}): ReaderWatch {
    this.#checkOpen();
    const { signal } = checkWaitOptions(options);
    const { retell = false } = options;
    if (typeof retell !== 'boolean')
      throw new TypeError(`retell must be true or false, not ${describe(retell)}`);
    if ('timeout' in options) {
      throw new TypeError('watch has no timeout: pass signal: AbortSignal.timeout(ms) instead');
    }
    const watch = new ReaderWatch(signal, retell, (ended) => this.#watches.delete(ended));
    if (!signal?.aborted) this.#watches.add(watch);
    return watch;
  }

  /**
   * The readers and the cards in them, now (SCardListReaders, SCardGetStatusChange).
   *
   * @returns In the order of `listReaders()`; empty if there is no reader.
   * @throws {PcscError} SCARD_E_NO_SERVICE if the service does not run.
   */
  async readerStates(options?: WaitOptions): Promise<ReaderSnapshot[]> {
    const look = ({ picture, error }: View) => {
      if (error) throw error;
      return picture.map(snapshotOf);
    };
    return this.#ask('readerStates', options, (cancel) => findInViews(look, cancel));
  }

  /**
   * Waits until there is a card, and goes on waiting while the service restarts. A card that is there already is found at
   * once. Cards that do not answer (mute) are passed over.
   *
   * @returns The reader with the card, and the card's ATR.
   * @throws {TimeoutError | AbortError} No such card came before `timeout` or `signal` ended the wait.
   */
  async waitForCard(options: WaitForCardOptions = {}): Promise<ReaderSnapshot & { atr: Uint8Array }> {
    checkOptions(options);
    const isWanted = cardFilter(options);
    const look = ({ picture, error }: View) => (error ? undefined : picture.map(snapshotOf).find(isWanted));
    return this.#ask('waitForCard', options, (cancel) => findInViews(look, cancel));
  }

  /** SCardConnect, on a context of its own. */
  async connect(reader: string, options: ConnectOptions = {}): Promise<Card> {
    this.#checkOpen();
    const place: CardPlace = {
      owner: this.owner.native,
      reader: checkReader(reader),
      ask: () => this.#activity.ask(this.identity, reader),
      onClose: (closed) => this.#cards.delete(closed),
      closing: this.#closing,
    };
    const card = await Card.connect(place, options);
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
    checkIdleOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    const activity = this.#activity.ask(this.identity, typeof target === 'string' ? target : target?.reader);
    let lease: CardLease;
    try {
      lease = await this.#cache.find('transaction', this.owner, target, options, this.#closing);
    } catch (error) {
      activity.failed(error);
      throw error;
    }
    const { transaction } = lease;
    transaction.disposition = disposition;
    return await whileHolding(transaction.reader, undefined, () =>
      runTransaction(transaction, callback, (how) => lease.finish(how), options, activity),
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
    this.#closing.close(closedError('SessionContext'));
    const released = this.#onClose(this);
    for (const watch of [...this.#watches]) watch.close();
    await Promise.all([released, ...[...this.#cards].map((card) => card.close())]);
  }

  async #ask<T>(
    operation: string,
    options: WaitOptions | undefined,
    question: (cancel: Cancellation | undefined) => Promise<T>,
  ): Promise<T> {
    this.#checkOpen();
    try {
      return await waitFor(operation, undefined, options, question, this.#closing);
    } catch (error) {
      throw traceToCaller(error);
    }
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('SessionContext');
  }
}
