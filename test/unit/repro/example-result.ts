import type { ReproLogon, ReproResult, ReproRun } from '../../../src/tools/repro/result.js';

export const readers = ['Reader A 00 00', 'Reader A 00 01', 'Reader B 00 00'] as const;

/** A logon that was not blocked. */
export function freeLogon(session: number, changes: Partial<ReproLogon> = {}): ReproLogon {
  return {
    session,
    startMs: 1,
    endMs: 21,
    durationMs: 20,
    waitedMs: 0,
    evaluated: [readers[session - 1] ?? ''],
    blockedBy: null,
    ok: true,
    ...changes,
  };
}

/** A logon that waited for session 1's card. */
export function blockedLogon(session: number, changes: Partial<ReproLogon> = {}): ReproLogon {
  return freeLogon(session, {
    endMs: 3021,
    durationMs: 3020,
    waitedMs: 3000,
    evaluated: [...readers.slice(0, session)],
    blockedBy: readers[0],
    ...changes,
  });
}

export function runWith(
  filter: 'off' | 'on',
  logons: ReproLogon[],
  changes: Partial<ReproRun> = {},
): ReproRun {
  return {
    filter,
    heldReader: readers[0],
    releasedMs: 3000,
    baseline: [freeLogon(2), freeLogon(3)],
    logons,
    reconnect: {
      session: 1,
      connectTime: '134398337894250000',
      usedOldEntry: filter === 'off',
      oldEntryGone: filter === 'on',
      ok: true,
    },
    ...changes,
  };
}

export const faultRun = runWith('off', [blockedLogon(2), blockedLogon(3)]);
export const fixRun = runWith('on', [freeLogon(2), freeLogon(3)]);

export function resultWith(runs: ReproRun[], verdict: ReproResult['verdict']): ReproResult {
  return {
    schema: 1,
    holdMs: 3000,
    sessions: readers.map((reader, index) => ({ id: index + 1, connectTime: '134398337894250000', reader })),
    runs,
    verdict,
    environment: { readers: 'virtual (vpcd)', pcscd: '1.9.9' },
  };
}
