/**
 * Entries of the card cache, and the record of a lookup. Not in src/cache, which imports this folder: `Transaction.lookup`
 * has these types.
 */
import type { SessionIdentity } from '../identity/session-identity.js';
import type { Protocol } from '../support/validation.js';

/** One cached card: a connected handle and its owner. */
export interface CacheEntry {
  /** Unique within this process. */
  id: number;
  /** The session identity that opened the handle. */
  identity: SessionIdentity;
  reader: string;
  /** Answer to reset (ISO 7816-3) of the card. */
  atr: Uint8Array;
  /** The active protocol when a lookup last returned the entry; undefined until one has. */
  protocol: Protocol | undefined;
  /** The card id, 16 bytes; undefined if no caller has given it. */
  cardId: Uint8Array | undefined;
  /** When the entry was last used. */
  lastUsed: Date;
  /** True while a transaction uses the entry. */
  leased: boolean;
}

/** The evaluation of one entry: a lookup performs an operation on the handle to see whether it still works. */
export interface Evaluation {
  /** The `id` of the entry. */
  entry: number;
  reader: string;
  /** The session identity that opened the handle. */
  openedBy: SessionIdentity;
  /** True if the handle works. A handle that does not work is dropped. */
  valid: boolean;
  /** True if the evaluation waited, because the card was in a transaction or the entry in use. */
  waited: boolean;
  /** Duration in milliseconds. */
  durationMs: number;
}

/** How a lookup found its card. */
export interface CacheLookup {
  /** The entry that the lookup returned. */
  entry: CacheEntry;
  /** True if no entry matched, so that the lookup connected the card. */
  fresh: boolean;
  /** The entries that the lookup evaluated, in order. */
  evaluated: Evaluation[];
}
