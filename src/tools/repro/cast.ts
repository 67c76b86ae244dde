/** Who plays the scenario's parts: programs in this process and beside it, or agents on hosts. */
import type { SessionIdentity } from '../../index.js';
import type { ReproLogon } from './result.js';

/** A user: a terminal session with a card in a reader. */
export interface Player {
  identity: SessionIdentity;
  reader: string;
  pin: string;
}

export interface Cast {
  /** Aborts, with the reason, when a part cannot be played any more: the scenario is over. */
  readonly lost?: AbortSignal;
  /** A logon service with a new, empty card cache. */
  startService(filter: 'off' | 'on', signal?: AbortSignal): Promise<LogonService>;
  /** The player's own program begins a transaction on their card; resolves when it has it. */
  hold(player: Player, holdMs: number, signal?: AbortSignal): Promise<Hold>;
  /** The players' own programs look whether everybody's card is in its reader, and still the same. */
  checkCards(players: readonly Player[], signal?: AbortSignal): Promise<void>;
  /** The player's session comes back: the player from here on, with the same session id and a new connect time. */
  comeBack(player: Player, signal?: AbortSignal): Promise<Player>;
}

/** The part of lsass: one process, one card cache. */
export interface LogonService {
  /**
   * A PIV logon: finds the card through the cache, begins a transaction, verifies the PIN, has the card sign a
   * fresh challenge, verifies that against the certificate. A failed one is told in its record; rejects where
   * there is no logon service any more.
   */
  logon(player: Player, signal?: AbortSignal): Promise<LogonOutcome>;
  /** What is in the card cache. */
  entries(): Promise<CachedCard[]>;
  close(): Promise<void>;
}

export interface LogonOutcome {
  /** Its times are performance.now()'s. */
  record: ReproLogon;
  /** The cache entry it used, where it came that far. */
  entry?: number;
}

export interface CachedCard {
  /** Never used for another entry of the same logon service. */
  entry: number;
  /** The session identity that opened it. */
  identity: SessionIdentity;
}

/** A transaction on a card, held by another process than the logon service. */
export interface Hold {
  /** When it had the card (performance.now()). */
  readonly since: number;
  /** When it let go (performance.now()); rejects where it ended in another way. */
  readonly released: Promise<number>;
  /** Has it let go now, whether or not it still holds the card. Never rejects. */
  release(): Promise<void>;
}
