/** The participants of the scenario: programs in this process and beside it, or agents on hosts. */
import type { SessionIdentity } from '../../index.js';
import type { ReproLogon } from './result.js';

/** A user: a terminal session with a card in a reader. */
export interface Player {
  identity: SessionIdentity;
  reader: string;
  pin: string;
}

export interface Cast {
  /** Aborts, with the reason, when a participant fails: the scenario is over. */
  readonly lost?: AbortSignal;
  /** A logon service with a new, empty card cache. */
  startService(filter: 'off' | 'on', signal?: AbortSignal): Promise<LogonService>;
  /** The player's own program begins a transaction on the player's card; resolves when it holds the card. */
  hold(player: Player, holdMs: number, signal?: AbortSignal): Promise<Hold>;
  /** The players' own programs check that every card is in its reader and unchanged. */
  checkCards(players: readonly Player[], signal?: AbortSignal): Promise<void>;
  /** The player's session reconnects: the new player has the same session id and a new connect time. */
  comeBack(player: Player, signal?: AbortSignal): Promise<Player>;
}

/** The role of lsass: one process, one card cache. */
export interface LogonService {
  /**
   * A PIV logon: finds the card through the cache, begins a transaction, verifies the PIN, lets the card sign a random
   * challenge, and verifies the signature with the certificate. The record reports a failed logon; the promise rejects
   * if the logon service has ended.
   */
  logon(player: Player, signal?: AbortSignal): Promise<LogonOutcome>;
  /** The entries of the card cache. */
  entries(): Promise<CachedCard[]>;
  close(): Promise<void>;
}

export interface LogonOutcome {
  /** Times are those of performance.now(). */
  record: ReproLogon;
  /** The id of the cache entry that it used, if it came that far. */
  entry?: number;
}

export interface CachedCard {
  /** The id of the entry. It is never used for another entry of the same logon service. */
  id: number;
  /** The session identity that opened it. */
  identity: SessionIdentity;
}

/** A transaction on a card, held by another process than the logon service. */
export interface Hold {
  /** When it got the card (performance.now()). */
  readonly since: number;
  /** When it released the card (performance.now()); rejects if the hold ended in another way. */
  readonly released: Promise<number>;
  /** Makes it release the card now, whether or not it still holds it. Never rejects. */
  release(): Promise<void>;
}
