/** The participants of the scenario: programs in this process and beside it, or agents on hosts. */
import type { SessionIdentity } from '../../index.js';
import type { ReproLogon } from './result.js';

/** A terminal session, and the card of its user in a reader. */
export interface ScenarioSession {
  identity: SessionIdentity;
  reader: string;
  pin: string;
}

export interface Participants {
  /** Aborts, with the reason, when a participant fails: the scenario is over. */
  readonly lost?: AbortSignal;
  /** A logon service with a new, empty card cache. */
  startService(filter: 'off' | 'on', signal?: AbortSignal): Promise<LogonService>;
  /** A program of the session begins a transaction on its card. Resolves when it holds the card. */
  hold(session: ScenarioSession, holdMs: number, signal?: AbortSignal): Promise<Hold>;
  /** The programs of the sessions check that every card is in its reader and unchanged. */
  checkCards(sessions: readonly ScenarioSession[], signal?: AbortSignal): Promise<void>;
  /** The session reconnects: it keeps its id and has a new connect time. */
  reconnect(session: ScenarioSession, signal?: AbortSignal): Promise<ScenarioSession>;
}

/** The role of lsass: one process, one card cache. */
export interface LogonService {
  /**
   * A PIV logon: finds the card through the cache, begins a transaction, verifies the PIN, lets the card sign a random
   * challenge, and verifies the signature with the certificate. The record reports a failed logon; the promise rejects
   * if the logon service has ended.
   */
  logon(session: ScenarioSession, signal?: AbortSignal): Promise<LogonOutcome>;
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
