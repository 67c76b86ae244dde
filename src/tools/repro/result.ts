/** The result of a reproduction, as defined by the JSON contract, and the verdict on it. */

/** A session that takes part. */
export interface ReproSession {
  id: number;
  /** 100-ns ticks since 1601-01-01 UTC, in decimal: too large for a JSON number. */
  connectTime: string;
  reader: string;
}

/** One logon. Times in milliseconds since the run's card was held. */
export interface ReproLogon {
  session: number;
  startMs: number;
  endMs: number;
  durationMs: number;
  /** The part of the duration spent waiting for cards in other transactions. */
  waitedMs: number;
  /** The readers whose cached cards were evaluated, in order. */
  evaluated: string[];
  /** The reader whose evaluation waited longest for another transaction, or null. */
  blockedBy: string | null;
  ok: boolean;
  /** Why the logon failed, if it failed. */
  error?: string;
}

/** A session that came back with a new connect time, after the hold. */
export interface ReproReconnect {
  session: number;
  connectTime: string;
  /** The card came through the entry that the session's earlier connection had opened. */
  usedOldEntry: boolean;
  /** That entry is no longer in the cache. */
  oldEntryGone: boolean;
  ok: boolean;
  error?: string;
}

/** The scenario with one setting of the filter. */
export interface ReproRun {
  filter: 'off' | 'on';
  /** The reader whose card the other process held. */
  heldReader: string;
  /** When the process released the card. */
  releasedMs: number;
  /** The same logons while no card is held. */
  baseline: ReproLogon[];
  logons: ReproLogon[];
  reconnect: ReproReconnect;
}

export type Verdict = 'fixed' | 'not-fixed' | 'not-reproduced';

export interface ReproResult {
  schema: 1;
  holdMs: number;
  sessions: ReproSession[];
  runs: ReproRun[];
  verdict: Verdict;
  environment: Record<string, string>;
}

/** A blocked logon waits for at least this part of what was left of the hold. */
const blockedPart = 0.8;
/** A logon that is not blocked takes at most this part of the hold... */
const freePart = 0.1;
/** ...or this many times its duration while no card is held, whichever is more (short holds). */
const freeTimes = 2;

/** The fault: every logon succeeded only after it had waited for the held card. */
export function showsFault(run: ReproRun): boolean {
  return run.logons.every(
    (logon) =>
      logon.ok &&
      logon.blockedBy === run.heldReader &&
      logon.durationMs >= blockedPart * (run.releasedMs - logon.startMs),
  );
}

/** The fix: no logon waited for another user's card, and the session that reconnected got no handle from before. */
export function showsFix(run: ReproRun, holdMs: number): boolean {
  const limit = Math.max(freePart * holdMs, freeTimes * slowest(run.baseline));
  const free = run.logons.every((logon) => logon.ok && logon.blockedBy === null && logon.durationMs <= limit);
  const { ok, usedOldEntry, oldEntryGone } = run.reconnect;
  return free && slowest(run.logons) < run.releasedMs && ok && !usedOldEntry && oldEntryGone;
}

/**
 * 'fixed' only if the fault occurred with the filter off and not with it on. A single run can show the fault
 * ('not-fixed') but never that it is fixed.
 */
export function judge(runs: readonly ReproRun[], holdMs: number): Verdict {
  const off = runs.find((run) => run.filter === 'off');
  const on = runs.find((run) => run.filter === 'on');
  if (on && !showsFix(on, holdMs)) return 'not-fixed';
  if (!off || !showsFault(off)) return 'not-reproduced';
  return on ? 'fixed' : 'not-fixed';
}

export function slowest(logons: readonly ReproLogon[]): number {
  return Math.max(0, ...logons.map((logon) => logon.durationMs));
}
