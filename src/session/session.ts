/** The readers, cards, transactions and watches of one session. */

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
import { Closable } from '../support/closable.js';
import {
  checkCallback,
  checkGroups,
  checkOptions,
  checkReader,
  describe,
  dispositionNumber,
} from '../support/validation.js';

/** Options of `session.listReaders`. */
export interface ListReadersOptions extends WaitOptions {
  /**
   * Lists only the readers in these groups (SCardListReaders, mszGroups), such as `SCard$DefaultReaders`. pcsc-lite
   * ignores the groups, because it has only that one.
   * @default all readers
   */
  groups?: readonly string[] | undefined;
}

/** Options of `session.watch`. */
export interface WatchOptions {
  /**
   * Ends the watch. `next()` then rejects with AbortError, or with TimeoutError for a signal of `AbortSignal.timeout`.
   */
  signal?: AbortSignal | undefined;
  /**
   * Reports all readers and cards as new after 'service-restored'. Set it if your program treats 'service-lost' as the
   * removal of every card.
   * @default false
   */
  retell?: boolean | undefined;
}

/**
 * The cards and readers as one terminal session sees them. `bridge.openSession` opens it.
 *
 * After `close()` every method rejects with (`watch` throws) PcscError BRIDGE_E_CLOSED. Every method with options
 * rejects with TypeError or RangeError if an argument is invalid, and with TimeoutError or AbortError if `timeout` or
 * `signal` ended the call.
 */
export class SessionContext extends Closable {
  /** The identity of this session. The card cache finds cached cards by it. */
  readonly identity: Readonly<SessionIdentity>;
  /** @internal The identity as the native core holds it. */
  readonly owner: CardOwner;
  readonly #cache: CardCache;
  readonly #activity: Activity;
  readonly #onClose: (session: SessionContext) => Promise<void>;
  readonly #cards = new Set<Card>();
  readonly #watches = new Set<ReaderWatch>();
  readonly #closing = new Closing();

  /** @internal */
  constructor(
    identity: SessionIdentity,
    owner: CardOwner,
    cache: CardCache,
    activity: Activity,
    onClose: (session: SessionContext) => Promise<void>,
  ) {
    super('SessionContext');
    this.identity = Object.freeze({ ...identity });
    this.owner = owner;
    this.#cache = cache;
    this.#activity = activity;
    this.#onClose = onClose;
  }

  /**
   * Returns the names of the readers (SCardListReaders).
   *
   * @returns An empty array if there is no reader.
   * @throws {PcscError} SCARD_E_NO_SERVICE if the service does not run. On Windows the service stops with the last
   *   reader; the result is an empty array then.
   */
  async listReaders(options: ListReadersOptions = {}): Promise<string[]> {
    checkOptions(options);
    const groups = checkGroups(options.groups ?? []);
    return this.#ask('SCardListReaders', options, (cancel) => native.listReaders(groups, cancel?.native));
  }

  /**
   * Returns the names of the reader groups (SCardListReaderGroups). On pcsc-lite this is always `SCard$DefaultReaders`,
   * the group of all readers.
   */
  async listReaderGroups(options?: WaitOptions): Promise<string[]> {
    return this.#ask('SCardListReaderGroups', options, (cancel) => native.listReaderGroups(cancel?.native));
  }

  /**
   * Checks the PC/SC context that this process uses for questions about readers (SCardIsValidContext). A context
   * becomes invalid if its service restarts; the next call then establishes a new one.
   *
   * @returns False if the context is invalid, or if the service cannot be reached.
   */
  async isValid(options?: WaitOptions): Promise<boolean> {
    return this.#ask('SCardIsValidContext', options, (cancel) => native.isValid(cancel?.native));
  }

  /**
   * Watches readers and cards (SCardGetStatusChange). The first events report the readers and cards that are present,
   * as if they were new.
   *
   * @returns A watch, to iterate over or to listen to. It starts with the first `next()` or the first listener.
   * @throws {TypeError} An option is of the wrong type, or `timeout` is given. To limit the time, pass
   *   `signal: AbortSignal.timeout(ms)`.
   * @throws {PcscError} BRIDGE_E_CLOSED if the session is closed.
   */
  watch(options: WatchOptions = {}): ReaderWatch {
    this.checkOpen();
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
   * Returns the present state of every reader and card (SCardListReaders, SCardGetStatusChange).
   *
   * @returns In the order of `listReaders()`; an empty array if there is no reader.
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
   * Waits until a reader holds a matching card (SCardGetStatusChange). A card that is already present matches at once.
   * Mute cards do not match. The wait continues while the service restarts.
   *
   * @returns The state of the reader, with the card's ATR.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait.
   */
  async waitForCard(options: WaitForCardOptions = {}): Promise<ReaderSnapshot & { atr: Uint8Array }> {
    checkOptions(options);
    const isWanted = cardFilter(options);
    const look = ({ picture, error }: View) => (error ? undefined : picture.map(snapshotOf).find(isWanted));
    return this.#ask('waitForCard', options, (cancel) => findInViews(look, cancel));
  }

  /**
   * Connects to the card in a reader (SCardConnect), on its own PC/SC context. With `timeout` or `signal` it waits
   * while another program is connected exclusively; without them it fails with SCARD_E_SHARING_VIOLATION. The session
   * keeps the card until one of them is closed: a forgotten card keeps its context.
   *
   * @param reader - The name of the reader, as `listReaders()` returns it.
   * @throws {PcscError} SCARD_E_UNKNOWN_READER, SCARD_E_NO_SMARTCARD, SCARD_E_SHARING_VIOLATION,
   *   SCARD_E_PROTO_MISMATCH, SCARD_E_NO_SERVICE and the other codes of SCardConnect; BRIDGE_E_NESTED inside a
   *   transaction on the same card.
   */
  async connect(reader: string, options: ConnectOptions = {}): Promise<Card> {
    this.checkOpen();
    const place: CardPlace = {
      owner: this.owner.native,
      reader: checkReader(reader),
      ask: () => this.#activity.ask(this.identity, reader),
      onClose: (closed) => this.#cards.delete(closed),
      closing: this.#closing,
    };
    const card = await Card.connect(place, options);
    if (this.isClosed) {
      await card.close();
      throw closedError('SessionContext');
    }
    this.#cards.add(card);
    return card;
  }

  /**
   * Runs the callback in a transaction on a cached card of this session. If the card cache has no handle for the card,
   * it connects first. In all other respects it works like `card.transaction`.
   *
   * @param target - The reader, the card id, or both, and the protocols to use.
   * @param callback - Receives the transaction, which ends when the callback settles. If the callback throws, the card
   *   is reset.
   * @returns What the callback returns.
   * @throws {PcscError} The codes of SCardConnect and SCardBeginTransaction; SCARD_E_UNKNOWN_CARD if only a card id was
   *   given and no cached card has it; SCARD_E_PROTO_MISMATCH if the card has none of `target.protocols`;
   *   BRIDGE_E_NESTED inside a transaction on the same card; SCARD_W_RESET_CARD after `idleTimeout`.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait for the card.
   */
  async transaction<T>(
    target: CacheTarget,
    callback: (transaction: Transaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    this.checkOpen();
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
      runTransaction(transaction, callback, options, {
        reader: transaction.reader,
        finish: (how) => lease.finish(how),
        limits: options,
        activity,
      }),
    );
  }

  /**
   * Closes the session with its cards and watches. Pending calls reject with BRIDGE_E_CLOSED. The last session of an
   * identity releases the identity's cached cards. A transaction on a cached card runs to its end.
   */
  close(): Promise<void> {
    return this.closeOnce(() => this.#close());
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
    this.checkOpen();
    try {
      return await waitFor(operation, undefined, options, question, this.#closing);
    } catch (error) {
      throw traceToCaller(error);
    }
  }
}
