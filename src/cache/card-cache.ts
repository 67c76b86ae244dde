/** The card cache: connected cards, each of which belongs to one session identity. */
import type { CacheEntry, CacheLookup } from '../card/cache-lookup.js';
import { checkNotHeld } from '../card/reentrancy.js';
import { Transaction } from '../card/transaction.js';
import { closedError, PcscError, traceToCaller } from '../errors.js';
import {
  anyInstance,
  type CardOwner,
  cardOwner,
  checkIdentity,
  type SessionIdentity,
} from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { ProtocolBits } from '../native/numbers.js';
import type { NativeCacheCounts, NativeCacheEntry, NativeCardCache, NativeLease } from '../native/types.js';
import { type Cancellation, type Closing, type WaitOptions, waitFor } from '../support/cancellation.js';
import {
  checkBytes,
  checkReader,
  type Disposition,
  describe,
  dispositionNumber,
  protocolBits,
  protocolName,
} from '../support/validation.js';

/** Milliseconds. A longer time counts as no limit. */
const longestIdle = 2 ** 31;

/** What a lookup may require of the transmission protocol. */
export interface CacheProtocols {
  /**
   * One of these is active in the transaction: if another one is, the card is reset there and negotiates (SCardReconnect,
   * dwPreferredProtocols).
   * @default ['T=0', 'T=1']
   */
  protocols?: readonly ('T=0' | 'T=1')[] | undefined;
}

/** Selects a card: by the name of its reader, by its card id (16 bytes), or by both. */
export type CacheTarget =
  | string
  | (CacheProtocols &
      (
        | { reader: string; cardId?: Uint8Array | undefined }
        | { reader?: string | undefined; cardId: Uint8Array }
      ));

/** Limits of a card cache. */
export interface CacheLimits {
  /**
   * Maximum number of connected cards, 1 to 10,000. Beyond it the cache resets and releases the card that has been idle
   * for longest. Cards in a transaction do not count, so the cache may hold a few more for a while.
   * @default 64
   */
  maxEntries?: number | undefined;
  /**
   * Milliseconds above 0 after which the cache resets and releases an unused card. While a card is cached, no other
   * program can connect to it exclusively. Infinity disables the limit.
   * @default 60_000
   */
  maxIdle?: number | undefined;
}

/** Counters of a card cache: its present entries, and totals so far. */
export interface CacheStats extends NativeCacheCounts {
  /** Connected cards now. */
  entries: number;
  /** Entries in a transaction now. */
  leased: number;
}

/**
 * The card cache of a bridge. With the filter on, a lookup evaluates only the entries of its own session identity, and
 * no identity gets a handle that another one opened (KB949538). With the filter off, a lookup evaluates all entries.
 */
export class CardCache {
  /** True if a lookup evaluates only the entries of its own session identity. */
  readonly filter: boolean;
  readonly #limits: { maxEntries: number; maxIdle: number | null };
  #native: NativeCardCache | undefined;
  #closed = false;
  /** The counters while there is no native cache: before the first use and after `close()`. */
  #lastCounts: NativeCacheCounts = { hits: 0, misses: 0, evictions: 0, expirations: 0, resets: 0 };

  /** @internal Use `bridge.cache`. */
  constructor(filter: boolean, limits: CacheLimits = {}) {
    this.filter = filter;
    this.#limits = checkLimits(limits);
  }

  /** Returns the entries, in the order in which they were opened. */
  entries(): CacheEntry[] {
    return (this.#native?.entries() ?? []).map(toEntry);
  }

  /** Returns the number of entries, and counters of lookups, evictions and resets so far. */
  stats(): CacheStats {
    const entries = this.#native?.entries() ?? [];
    const leased = entries.filter((entry) => entry.leased).length;
    return { entries: entries.length, leased, ...(this.#native?.counts() ?? this.#lastCounts) };
  }

  /**
   * Releases the entries of a session and resets their cards. An entry in use is released when its lease ends.
   *
   * @param identity - With `userId`, only the entries of that user; without it, those of every user of the session.
   * @returns The number of entries.
   * @throws {TypeError | RangeError} The identity is invalid.
   */
  evict(identity: SessionIdentity): number {
    return this.#native?.evict(anyInstance(checkIdentity(identity))) ?? 0;
  }

  /**
   * @internal Releases the entries of exactly this owner and waits for the resets, but not for the transaction of
   *   another program.
   */
  async letGo({ identity }: CardOwner): Promise<void> {
    await this.#native?.release(identity);
  }

  /**
   * Finds the card among the entries of this identity, connects it if there is none, and begins a transaction on it
   * (SCardConnect, SCardBeginTransaction).
   *
   * @param target - The reader, the card id, or both, and the protocols to use.
   * @returns The lease. Call its `end()` to give the card back.
   * @throws {PcscError} The codes of SCardConnect and SCardBeginTransaction; SCARD_E_UNKNOWN_CARD if only a card id was
   *   given and no entry has it; SCARD_E_PROTO_MISMATCH if the card has none of `protocols`; BRIDGE_E_NESTED inside a
   *   transaction on the same card; BRIDGE_E_CLOSED if the bridge is closed.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait.
   * @throws {TypeError | RangeError} An argument is invalid.
   */
  async acquire(identity: SessionIdentity, target: CacheTarget, options?: WaitOptions): Promise<CardLease> {
    return this.find('acquire', cardOwner(checkIdentity(identity), this.filter, false), target, options);
  }

  /** @internal `acquire` for a call of this name. If `closing` closes, it rejects with the reason of that. */
  async find(
    operation: string,
    owner: CardOwner,
    target: CacheTarget,
    options: WaitOptions | undefined,
    closing?: Closing,
  ): Promise<CardLease> {
    if (this.#closed) throw closedError('CardCache');
    const { reader, cardId, protocols } = checkTarget(target);
    for (const name of reader ? [reader] : this.#readersOf(cardId)) checkNotHeld(operation, name);
    this.#native ??= new native.CardCache({ filter: this.filter, ...this.#limits });
    const cache = this.#native;
    const acquire = (cancel?: Cancellation) =>
      cache.acquire(
        owner.native,
        reader,
        cardId ?? null,
        protocols,
        cancel?.byCaller === true,
        cancel?.native,
      );
    try {
      const lease = await waitFor(operation, reader || undefined, options, acquire, closing);
      return new CardLease(lease, reader || undefined);
    } catch (error) {
      throw traceToCaller(this.#closed && error instanceof PcscError ? closedError('CardCache') : error);
    }
  }

  /** @internal Part of `bridge.close()`. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#native?.close();
    this.#lastCounts = this.#native?.counts() ?? this.#lastCounts;
    this.#native = undefined;
  }

  #readersOf(cardId: Uint8Array | undefined): string[] {
    const known = this.entries().filter(
      (entry) => cardId && entry.cardId && !Buffer.compare(entry.cardId, cardId),
    );
    return known.map(({ reader }) => reader);
  }
}

/** A lease: exclusive use of a cached card, in a transaction. `bridge.cache.acquire` returns it. */
export class CardLease {
  /** The transaction on the card. */
  readonly transaction: Transaction;
  readonly #lease: NativeLease;
  #lookup: CacheLookup | undefined;
  #ended: Promise<void> | undefined;

  /** @internal Use `bridge.cache.acquire`. */
  constructor(lease: NativeLease, reader: string | undefined) {
    this.#lease = lease;
    this.transaction = new Transaction({
      connection: lease,
      reader: reader ?? this.lookup.entry.reader,
      cardWasReset: lease.cardWasReset,
      waited: lease.waited(),
      disposition: 'leave',
      lookup: () => this.lookup,
    });
  }

  /** How the card was found. */
  get lookup(): CacheLookup {
    // Made on first access, because most transactions never read it.
    if (this.#lookup === undefined) {
      const { entry, ...rest } = this.#lease.lookup();
      this.#lookup = { entry: toEntry(entry), ...rest };
    }
    return this.#lookup;
  }

  /**
   * Ends the transaction and gives the card back to the cache (SCardEndTransaction). Later calls return the promise of
   * the first.
   *
   * @param disposition - What happens to the card.
   * @default 'leave'
   * @throws {PcscError} The card was removed, or the service stopped.
   */
  async end(disposition: Disposition = 'leave'): Promise<void> {
    return this.finish(dispositionNumber(disposition));
  }

  /** @internal `end` with the number of the disposition. */
  finish(disposition: number): Promise<void> {
    this.transaction.seal();
    this.#ended ??= this.#lease.giveBack(disposition);
    return this.#ended;
  }

  /** Ends the transaction with a reset if `end()` was not called. It does not throw. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('reset').catch(() => {});
  }
}

interface CheckedTarget {
  reader: string;
  cardId?: Uint8Array;
  protocols: number;
}

const eitherProtocol = ProtocolBits['T=0'] | ProtocolBits['T=1'];

function checkTarget(target: CacheTarget): CheckedTarget {
  if (typeof target === 'string') return { reader: checkReader(target), protocols: eitherProtocol };
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(`target must be the name of a reader or { reader, cardId }, not ${describe(target)}`);
  }
  const { reader, cardId } = target;
  if (reader === undefined && cardId === undefined) {
    throw new TypeError('target must have a reader, a cardId, or both');
  }
  const protocols = checkProtocols(target.protocols);
  if (cardId === undefined) return { reader: checkReader(reader), protocols };
  checkBytes(cardId, 'cardId');
  if (cardId.length !== 16) throw new RangeError(`a cardId has 16 bytes, this one has ${cardId.length}`);
  return { reader: reader === undefined ? '' : checkReader(reader), cardId, protocols };
}

function checkProtocols(protocols: CacheProtocols['protocols']): number {
  if (protocols === undefined) return eitherProtocol;
  const bits = protocolBits(protocols);
  if (bits === 0) throw new RangeError("protocols must have 'T=0', 'T=1', or both");
  if (bits & ~eitherProtocol) {
    throw new RangeError("a cached card uses 'T=0' or 'T=1'; for 'raw', use session.connect()");
  }
  return bits;
}

function checkLimits({ maxEntries = 64, maxIdle = 60_000 }: CacheLimits): {
  maxEntries: number;
  maxIdle: number | null;
} {
  if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 10_000) {
    throw new RangeError(`maxEntries must be a whole number from 1 to 10,000, not ${String(maxEntries)}`);
  }
  if (typeof maxIdle !== 'number' || !(maxIdle > 0)) {
    throw new RangeError(
      `maxIdle must be a number of milliseconds above 0, or Infinity, not ${String(maxIdle)}`,
    );
  }
  return { maxEntries, maxIdle: maxIdle <= longestIdle ? Math.ceil(maxIdle) : null };
}

function toEntry(native: NativeCacheEntry): CacheEntry {
  const { lastUsedMs, cardId, protocol, ...rest } = native;
  return {
    ...rest,
    protocol: protocolName(protocol),
    cardId: cardId ?? undefined,
    lastUsed: new Date(lastUsedMs),
  };
}
