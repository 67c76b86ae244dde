/**
 * Counters of a bridge, and diagnostics channels for its events. Without a subscriber a transaction costs a few
 * additions.
 */
import { channel } from 'node:diagnostics_channel';
import { AbortError, TimeoutError } from '../errors.js';
import type { SessionIdentity } from '../identity/session-identity.js';
import type { Disposition } from '../support/validation.js';

/** How long a transaction waited for its card, in milliseconds, by cause. */
export interface Waited {
  /** The whole wait. */
  ms: number;
  /** The wait for other transactions of this process. */
  thisProcess: number;
  /**
   * The wait for transactions and exclusive connections of other processes. It does not include waits of SCardConnect
   * inside the service, which PC/SC does not report. On Windows and macOS, an SCardBeginTransaction counts as a wait if
   * it takes 100 ms or longer.
   */
  otherProcesses: number;
}

/** The end of a wait for a card, as published on the channel `pcsc-bridge:wait`. */
export interface WaitReport {
  session: Readonly<SessionIdentity>;
  /** Undefined if only a card id was given. */
  reader: string | undefined;
  /**
   * The duration in milliseconds. `thisProcess` and `otherProcesses` are undefined if the wait was aborted or timed
   * out.
   */
  waited: { ms: number; thisProcess: number | undefined; otherProcesses: number | undefined };
  /** The TimeoutError or AbortError that ended the wait; undefined if the transaction began. */
  error: Error | undefined;
}

/**
 * The end of a transaction, or of a failed attempt to begin one, as published on the channel `pcsc-bridge:transaction`.
 */
export interface TransactionReport {
  session: Readonly<SessionIdentity>;
  /** Undefined if only a card id was given and no card was found. */
  reader: string | undefined;
  /** Whether the card cache had the card; undefined for `card.transaction`, and if no card was found. */
  cache: 'hit' | 'miss' | undefined;
  /** The wait for the card; undefined if the transaction did not begin. */
  waited: Waited | undefined;
  /** Milliseconds from the beginning of the transaction to its end; 0 if it did not begin. */
  duration: number;
  /** What happened to the card; undefined if the transaction did not begin. */
  disposition: Disposition | undefined;
  /** The error of the transaction; undefined if it succeeded. */
  error: Error | undefined;
}

/** The PC/SC service stopped or was restored, as published on the channel `pcsc-bridge:service` while a watch runs. */
export interface ServiceReport {
  state: 'lost' | 'restored';
  /** Why the service cannot be reached; undefined if it was restored. */
  error: Error | undefined;
}

/** Counts of the transactions of all sessions of a bridge, `card.beginTransaction` included. */
export interface TransactionCounts {
  /** Transactions that wait for their card now. */
  waiting: number;
  /** Transactions that run now. */
  running: number;
  /** Transactions that have begun so far. */
  begun: number;
  /** Transactions that have failed so far, including those in `givenUp`. */
  failed: number;
  /** Transactions that a timeout or signal ended before they began, so far. */
  givenUp: number;
  /** Transactions that have begun after a wait, so far. */
  waited: number;
  /** Total milliseconds of those waits. */
  waitedMs: number;
}

/** What a running transaction reports. */
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

/** Times the service was lost while a watch ran, in this thread. */
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

  /** A transaction is requested. */
  ask(session: Readonly<SessionIdentity>, reader: string | undefined): TransactionActivity {
    return new TransactionActivity(this.counts, session, reader);
  }
}

/** One transaction: requested, then begun or failed, then ended. */
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

  /** The transaction could not begin. */
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

  /** The transaction ended; `error` is the error of its callback or of its end. */
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
