/** What is cached, and what a lookup did. */
import type { SessionIdentity } from '../identity/session-identity.js';

/** One cached card. */
export interface CacheEntry {
  /** Never used for another entry of this process. */
  entry: number;
  /** The session identity that opened it. */
  identity: SessionIdentity;
  reader: string;
  atr: Uint8Array;
  /** 16 bytes, where somebody told it. */
  cardId: Uint8Array | undefined;
  lastUsed: Date;
  /** In somebody's transaction. */
  leased: boolean;
}

/** What a lookup did to one entry: an operation on its handle that shows that it still works. */
export interface Evaluation {
  entry: number;
  reader: string;
  openedBy: SessionIdentity;
  /** The handle worked; one that does not is dropped. */
  valid: boolean;
  /** The card was in somebody's transaction, or the entry in somebody's use. */
  waited: boolean;
  durationMs: number;
}

/** How a card was found. */
export interface CacheLookup {
  entry: CacheEntry;
  /** No entry was the wanted card: it was connected anew. */
  fresh: boolean;
  evaluated: Evaluation[];
}
