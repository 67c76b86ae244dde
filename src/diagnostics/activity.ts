/**
 * What a bridge does, for administrators: counters, and diagnostics channels for those who want each event. Without a
 * subscriber a transaction costs a few additions.
 */
import { channel } from 'node:diagnostics_channel';
import { AbortError, TimeoutError } from '../errors.js';
import type { SessionIdentity } from '../identity/session-identity.js';
import type { Disposition } from '../support/validation.js';

/** How long a transaction waited for its card, in milliseconds, by who was in the way. */
export interface Waited {
  /** In all. */
  ms: number;
  /** For other users of the card in this process. */
  thisProcess: number;
  /**
   * For transactions and exclusive connections of other processes. PC/SC does not report what SCardConnect waits for inside
   * the service, so that is not in it; on Windows and macOS a begin counts if it takes 100 ms or longer.
   */
  otherProcesses: number;
}

/** A wait for a card that is over, as published on the channel `pcsc-bridge:wait`. */
export interface WaitReport {
  session: Readonly<SessionIdentity>;
  /** Undefined if only a card id was given. */
  reader: string | undefined;
  /** How long; the parts are undefined if the wait was given up, because nothing has told them yet. */
  waited: { ms: number; thisProcess: number | undefined; otherProcesses: number | undefined };
  /** The TimeoutError or AbortError that ended the wait; undefined if the transaction began. */
  error: Error | undefined;
}

/** A transaction that is over, as published on the channel `pcsc-bridge:transaction`, whether it began or not. */
export interface TransactionReport {
  session: Readonly<SessionIdentity>;
  /** Undefined if only a card id was given and no card was found. */
  reader: string | undefined;
  /** How the card cache found the card; undefined for `card.transaction`, and if it found none. */
  cache: 'hit' | 'miss' | undefined;
  /** Undefined if the transaction did not begin. */
  waited: Waited | undefined;
  /** Milliseconds from its beginning to its end; 0 if it did not begin. */
  duration: number;
  /** What became of the card; undefined if the transaction did not begin. */
  disposition: Disposition | undefined;
  /** What the transaction rejected with. */
  error: Error | undefined;
}

/** The PC/SC service went or came back, as published on the channel `pcsc-bridge:service` while a watch runs. */
export interface ServiceReport {
  state: 'lost' | 'restored';
  /** Why it cannot be reached. */
  error: Error | undefined;
}

/** Counts of `session.transaction`s and `card.transaction`s of all sessions of a bridge. */
export interface TransactionCounts {
  /** Have been asked for and have not begun: now. */
  waiting: number;
  /** Have begun and have not ended: now. */
  running: number;
  /** Have begun so far. */
  begun: number;
  /** Have rejected so far, the ones that were given up among them. */
  failed: number;
  /** Were given up by a timeout or signal before they began, so far. */
  givenUp: number;
  /** Have begun after a wait, so far. */
  waited: number;
  /** Milliseconds that those waited, in all. */
  waitedMs: number;
}

/** What a running transaction tells of itself. */
export interface Observed {
  readonly reader: string;
  readonly waited: Waited;
  readonly disposition: Disposition;
  readonly lookup: { readonly fresh: boolean } | undefined;
}

const waits = channel('pcsc-bridge:wait');
const transactions = channel('pcsc-bridge:transaction');
const services = channel('pcsc-bridge:service');

export const noWait: Waited = Object.freeze({ ms: 0, thisProcess: 0, otherProcesses: 0 });

/** How often the service was lost while a watch ran, in this environment. */
export let timesServiceLost = 0;

export function reportService(error: Error | undefined): void {
  if (error) timesServiceLost++;
  if (!services.hasSubscribers) return;
  services.publish({ state: error ? 'lost' : 'restored', error } satisfies ServiceReport);
}

/** The transactions of a bridge. */
export class Activity {
  readonly counts: TransactionCounts = {
    waiting: 0,
    running: 0,
    begun: 0,
    failed: 0,
    givenUp: 0,
    waited: 0,
    waitedMs: 0,
  };

  /** A transaction is asked for. */
  ask(session: Readonly<SessionIdentity>, reader: string | undefined): TransactionActivity {
    return new TransactionActivity(this.counts, session, reader);
  }
}

/** One transaction: asked for, then begun or given up, then ended. */
export class TransactionActivity {
  readonly #counts: TransactionCounts;
  readonly #session: Readonly<SessionIdentity>;
  readonly #reader: string | undefined;
  #since = performance.now();
  #begun: Observed | undefined;

  constructor(counts: TransactionCounts, session: Readonly<SessionIdentity>, reader: string | undefined) {
    this.#counts = counts;
    this.#session = session;
    this.#reader = reader;
    counts.waiting++;
  }

  begun(transaction: Observed): void {
    const counts = this.#counts;
    counts.waiting--;
    counts.running++;
    counts.begun++;
    this.#begun = transaction;
    this.#since = performance.now();
    const { waited } = transaction;
    if (waited.ms === 0) return;
    counts.waited++;
    counts.waitedMs += waited.ms;
    this.#reportWait(waited, undefined);
  }

  /** It could not begin. */
  failed(error: unknown): void {
    const counts = this.#counts;
    counts.waiting--;
    counts.failed++;
    if (error instanceof TimeoutError || error instanceof AbortError) {
      counts.givenUp++;
      const ms = performance.now() - this.#since;
      this.#reportWait({ ms, thisProcess: undefined, otherProcesses: undefined }, error);
    }
    this.#reportEnd(error as Error);
  }

  /** It is over; `error` is what its callback, or its end, rejected with. */
  ended(error?: unknown): void {
    this.#counts.running--;
    if (error !== undefined) this.#counts.failed++;
    this.#reportEnd(error as Error | undefined);
  }

  #reportWait(waited: WaitReport['waited'], error: Error | undefined): void {
    if (!waits.hasSubscribers) return;
    const reader = this.#begun?.reader ?? this.#reader;
    waits.publish({ session: this.#session, reader, waited, error } satisfies WaitReport);
  }

  #reportEnd(error: Error | undefined): void {
    if (!transactions.hasSubscribers) return;
    const begun = this.#begun;
    const cached = begun?.lookup;
    const how: Disposition | undefined = error ? 'reset' : begun?.disposition;
    transactions.publish({
      session: this.#session,
      reader: begun?.reader ?? this.#reader,
      cache: cached && (cached.fresh ? 'miss' : 'hit'),
      waited: begun?.waited,
      duration: begun ? performance.now() - this.#since : 0,
      disposition: begun && how,
      error,
    } satisfies TransactionReport);
  }
}
