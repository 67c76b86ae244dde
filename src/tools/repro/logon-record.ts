/** The record of one logon. */
import type { LogonOutcome } from './participants.js';

/** How the card was found, as far as recorded. */
export interface Lookup {
  entry: { id: number };
  evaluated: readonly { reader: string; waited: boolean; durationMs: number }[];
}

/**
 * Times a logon and records its outcome. `work` calls `found` when it has its card. The record contains the error of a
 * failed logon.
 */
export async function recordLogon(
  session: number,
  work: (found: (lookup: Lookup) => void) => Promise<void>,
): Promise<LogonOutcome> {
  let lookup: Lookup | undefined;
  let error: string | undefined;
  const startMs = performance.now();
  try {
    await work((found) => {
      lookup = found;
    });
  } catch (reason) {
    error = reason instanceof Error ? reason.message : String(reason);
  }
  const endMs = performance.now();
  const evaluated = lookup?.evaluated ?? [];
  const waits = evaluated.filter(({ waited }) => waited).sort((a, b) => b.durationMs - a.durationMs);
  const record = {
    session,
    startMs,
    endMs,
    durationMs: endMs - startMs,
    waitedMs: waits.reduce((sum, { durationMs }) => sum + durationMs, 0),
    evaluated: evaluated.map(({ reader }) => reader),
    blockedBy: waits[0]?.reader ?? null,
    ok: error === undefined,
    ...(error !== undefined && { error }),
  };
  return { record, ...(lookup && { entry: lookup.entry.id }) };
}
