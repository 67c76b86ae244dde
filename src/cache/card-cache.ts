/** The card cache: connected cards, each the property of one session identity. */
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
import {
  type NativeCacheCounts,
  type NativeCacheEntry,
  type NativeCardCache,
  type NativeLease,
  native,
} from '../native/addon.js';
import { type Cancellation, type Closing, type WaitOptions, waitFor } from '../support/cancellation.js';
import {
  checkBytes,
  checkReader,
  type Disposition,
  describe,
  dispositionNumber,
} from '../support/validation.js';

/** Milliseconds; a time beyond it is taken for no limit. */
const longestIdle = 2 ** 31;

/**
 * The wanted card: the one in a reader (its name), the one with an id (16 bytes), or the one with this id in this reader.
 */
export type CacheTarget =
  | string
  | { reader: string; cardId?: Uint8Array | undefined }
  | { reader?: string | undefined; cardId: Uint8Array };

/** How much a card cache keeps. */
export interface CacheLimits {
  /**
   * So many connected cards at most; then the one that has been idle for longest is let go, with a reset. Cards in a transaction
   * do not count, so that there may be a few more for a while.
   * @default 64
   */
  maxEntries?: number | undefined;
  /**
   * Milliseconds after which a card that was not used is let go, with a reset: while it is cached, no other program can connect
   * to it exclusively. Infinity: never.
   * @default 60_000
   */
  maxIdle?: number | undefined;
}

/** What a card cache holds now (`entries`, `leased`), and what it has done so far. */
export interface CacheStats extends NativeCacheCounts {
  /** Connected cards. */
  entries: number;
  /** Those in a transaction. */
  leased: number;
}

/**
 * The cache of a bridge. With the filter on a lookup evaluates only the asker's own entries, and no identity
 * ever gets a handle that another opened (KB949538); off, it evaluates everybody's.
 */
export class CardCache {
  /** Whether lookups evaluate only the asker's entries. */
  readonly filter: boolean;
  readonly #limits: { maxEntries: number; maxIdle: number | null };
  #native: NativeCardCache | undefined;
  #closed = false;
  /** What to report without a native cache: before the first use and after the end. */
  #lastCounts: NativeCacheCounts = { hits: 0, misses: 0, evictions: 0, expirations: 0, resets: 0 };

  /** @internal Use `bridge.cache`. */
  constructor(filter: boolean, limits: CacheLimits = {}) {
    this.filter = filter;
    this.#limits = checkLimits(limits);
  }

  /** What is cached, in the order it was opened. */
  entries(): CacheEntry[] {
    return (this.#native?.entries() ?? []).map(toEntry);
  }

  /** What the cache holds now, and what it has done so far. */
  stats(): CacheStats {
    const entries = this.#native?.entries() ?? [];
    const leased = entries.filter((entry) => entry.leased).length;
    return { entries: entries.length, leased, ...(this.#native?.counts() ?? this.#lastCounts) };
  }

  /**
   * Lets a session's entries go and resets their cards; one in use goes when its lease ends.
   *
   * @param identity - With `userId`, the entries of that user alone; without, those of every user of the session.
   * @returns How many entries.
   */
  evict(identity: SessionIdentity): number {
    return this.#native?.evict(anyInstance(checkIdentity(identity))) ?? 0;
  }

  /** @internal Lets the entries of exactly this owner go, and waits for the resets; not behind another's transaction. */
  async letGo({ identity }: CardOwner): Promise<void> {
    await this.#native?.release(identity);
  }

  /**
   * Finds the wanted card among the asker's entries, connecting it anew where it is not, and leases it, in a
   * transaction. Errors: those of SCardConnect; SCARD_E_UNKNOWN_CARD where only a card id was given and no
   * entry has it; BRIDGE_E_NESTED inside a transaction on the same card.
   */
  async acquire(identity: SessionIdentity, target: CacheTarget, options?: WaitOptions): Promise<CardLease> {
    return this.find('acquire', cardOwner(checkIdentity(identity), this.filter, false), target, options);
  }

  /** @internal `acquire` for a call of this name, which `closing` ends with its reason. */
  async find(
    operation: string,
    owner: CardOwner,
    target: CacheTarget,
    options: WaitOptions | undefined,
    closing?: Closing,
  ): Promise<CardLease> {
    if (this.#closed) throw closedError('CardCache');
    const { reader, cardId } = checkTarget(target);
    for (const name of reader ? [reader] : this.#readersOf(cardId)) checkNotHeld(operation, name);
    this.#native ??= new native.CardCache({ filter: this.filter, ...this.#limits });
    const cache = this.#native;
    const acquire = (cancel?: Cancellation) =>
      cache.acquire(owner.native, reader, cardId ?? null, cancel?.byCaller === true, cancel?.native);
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

/** The exclusive use of a cached card, in a transaction. */
export class CardLease {
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
    // Made when it is asked for: most transactions never do.
    if (this.#lookup === undefined) {
      const { entry, ...rest } = this.#lease.lookup();
      this.#lookup = { entry: toEntry(entry), ...rest };
    }
    return this.#lookup;
  }

  /** Ends the transaction and gives the card back to the cache. Once is enough. */
  async end(disposition: Disposition = 'leave'): Promise<void> {
    return this.finish(dispositionNumber(disposition));
  }

  /** @internal `end`, by number. */
  finish(disposition: number): Promise<void> {
    this.transaction.seal();
    this.#ended ??= this.#lease.giveBack(disposition);
    return this.#ended;
  }

  /** Resets the card, unless `end` was called. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.end('reset').catch(() => {});
  }
}

function checkTarget(target: CacheTarget): { reader: string; cardId?: Uint8Array } {
  if (typeof target === 'string') return { reader: checkReader(target) };
  if (typeof target !== 'object' || target === null) {
    throw new TypeError(`name the card: a reader, or { reader, cardId }; not ${describe(target)}`);
  }
  const { reader, cardId } = target;
  if (reader === undefined && cardId === undefined) {
    throw new TypeError('name the card: a reader, a cardId, or both');
  }
  if (cardId === undefined) return { reader: checkReader(reader) };
  checkBytes(cardId, 'cardId');
  if (cardId.length !== 16) throw new RangeError(`a cardId has 16 bytes, this one has ${cardId.length}`);
  return { reader: reader === undefined ? '' : checkReader(reader), cardId };
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
  const { lastUsedMs, cardId, ...rest } = native;
  return {
    ...rest,
    cardId: cardId ?? undefined,
    lastUsed: new Date(lastUsedMs),
  };
}
