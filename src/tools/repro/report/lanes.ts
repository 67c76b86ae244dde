/** The actions of each session over time, used by every kind of report. */
import { type ReproResult, type ReproRun, slowest } from '../result.js';

export type LaneKind = 'held' | 'waiting' | 'logon';

/** For legends. */
export const meaningOf: Record<LaneKind, string> = {
  held: 'card held by another process',
  waiting: "waiting for another user's card",
  logon: 'logging on',
};

export interface Segment {
  kind: LaneKind;
  startMs: number;
  endMs: number;
}

export interface Lane {
  session: number;
  reader: string;
  segments: Segment[];
  /** A remark for the reader of the report. */
  note: string;
}

/** One lane per session: held by the other process, waiting, logging on. */
export function lanesOf(result: ReproResult, run: ReproRun): Lane[] {
  return result.sessions.map(({ id, reader }) => {
    const lane = { session: id, reader };
    const logon = run.logons.find(({ session }) => session === id);
    if (!logon) {
      const note = `card held by another process for ${seconds(run.releasedMs)}`;
      return { ...lane, note, segments: [{ kind: 'held', startMs: 0, endMs: run.releasedMs }] };
    }
    const loggingOn = logon.startMs + logon.waitedMs;
    const segments: Segment[] = [{ kind: 'logon', startMs: loggingOn, endMs: logon.endMs }];
    if (logon.waitedMs > 0) segments.unshift({ kind: 'waiting', startMs: logon.startMs, endMs: loggingOn });
    const blocker = logon.blockedBy === null ? undefined : sessionOf(result, logon.blockedBy);
    const outcome = logon.ok ? `logged on after ${seconds(logon.durationMs)}` : `failed: ${logon.error}`;
    return { ...lane, segments, note: blocker ? `${outcome}, blocked by ${blocker}` : outcome };
  });
}

/** The end of the time scale all runs share, in milliseconds. */
export function timeScale(result: ReproResult): number {
  const ends = result.runs.flatMap((run) => [run.releasedMs, ...run.logons.map(({ endMs }) => endMs)]);
  return Math.max(1, ...ends);
}

export function verdictSentence(result: ReproResult): string {
  switch (result.verdict) {
    case 'fixed':
      return "Fixed: with the filter off one user's transaction stopped every other logon; with it on no logon was blocked.";
    case 'not-fixed':
      return result.runs.some(({ filter }) => filter === 'on')
        ? 'Not fixed: with the filter on, logons were still blocked or slow, failed, or used a handle that another connection had opened.'
        : "The fault is present: one user's transaction stopped every other logon. Run with both filters to see the fix.";
    case 'not-reproduced':
      return result.runs.some(({ filter }) => filter === 'off')
        ? 'Not reproduced: with the filter off the logons did not wait for the held card.'
        : 'No logon was blocked with the filter on; only a run with the filter off can show the fault.';
  }
}

export const filterMeaning = {
  off: 'a lookup evaluates the cached cards of every session',
  on: 'a lookup evaluates only the cached cards of its own session',
} as const;

/** The outcome of a run, in sentences. */
export function summaryOf(run: ReproRun): string[] {
  const { reconnect } = run;
  const blocked = run.logons.filter(({ blockedBy }) => blockedBy !== null).length;
  const evaluated = Math.max(...run.logons.map((logon) => logon.evaluated.length));
  const comeback = !reconnect.ok
    ? `failed: ${reconnect.error}`
    : reconnect.usedOldEntry
      ? "got the card that the session's earlier connection had opened"
      : `its earlier entry was not used and is ${reconnect.oldEntryGone ? 'gone' : 'STILL CACHED'}`;
  return [
    `${blocked} of ${run.logons.length} logons blocked; slowest ${seconds(slowest(run.logons))}, ` +
      `while no card is held ${seconds(slowest(run.baseline))}; at most ${evaluated} cached ${evaluated === 1 ? 'card' : 'cards'} evaluated`,
    `session ${reconnect.session} comes back with a new connect time: ${comeback}`,
  ];
}

/** Formats a duration: milliseconds below one second, else seconds. */
export function seconds(ms: number): string {
  return ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(2)} s`;
}

/** The session of a reader: `session 1`. */
export function sessionOf(result: ReproResult, reader: string): string {
  const session = result.sessions.find((candidate) => candidate.reader === reader);
  return session ? `session ${session.id}` : `"${reader}"`;
}
