/**
 * KB949538, step by step: users log on by smart card; another process holds a transaction on the first user's card; the
 * other users log on again at the same time. Then the first user's session reconnects with a new connect time. The
 * scenario does not depend on who plays the parts, or where.
 */

import type { Hold, LogonService, Participants, ScenarioSession } from './participants.js';
import { judge, type ReproLogon, type ReproReconnect, type ReproResult, type ReproRun } from './result.js';
import { ScopedAbort } from './scoped-abort.js';
import type { Setup } from './setup.js';

export interface ScenarioOptions {
  /** How long the other process holds the first card, in milliseconds. */
  holdMs: number;
  filters: readonly ('off' | 'on')[];
  signal?: AbortSignal | undefined;
  /** Called with each step. */
  onProgress?: ((step: string) => void) | undefined;
}

export async function reproduce(setup: Setup, options: ScenarioOptions): Promise<ReproResult> {
  const sessions = setup.sessions.map(({ identity, reader }) => ({
    id: identity.id,
    connectTime: String(identity.connectTime),
    reader,
  }));
  const runs: ReproRun[] = [];
  const { lost } = setup.participants;
  using ending = new ScopedAbort(options.signal, lost);
  try {
    for (const filter of options.filters) {
      runs.push(await runOnce(setup, filter, { ...options, signal: ending.signal }));
    }
  } catch (error) {
    throw lost?.aborted ? lost.reason : error;
  }
  return {
    schema: 1,
    holdMs: options.holdMs,
    sessions,
    runs,
    verdict: judge(runs, options.holdMs),
    environment: {
      ...setup.environment,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      date: new Date().toISOString(),
    },
  };
}

async function runOnce(setup: Setup, filter: 'off' | 'on', options: ScenarioOptions): Promise<ReproRun> {
  const { holdMs, signal, onProgress = () => {} } = options;
  const { participants, sessions } = setup;
  const [first, ...others] = sessions;
  if (!first || others.length === 0) throw new RangeError('the scenario needs two sessions or more');
  const say = (step: string) => onProgress(`filter ${filter}: ${step}`);
  const service = await participants.startService(filter, signal);
  let hold: Hold | undefined;
  try {
    await participants.checkCards(sessions, signal);
    say(`first logons of ${sessions.length} sessions`);
    for (const session of sessions) {
      const { record } = await service.logon(session, signal);
      if (!record.ok) throw new Error(`the first logon of session ${record.session} failed: ${record.error}`);
    }
    say('the same logons while no card is held');
    const baseStart = performance.now();
    const baseline = since(baseStart, await logOnAtOnce(service, others, signal));

    hold = await participants.hold(first, holdMs, signal);
    const names = others.map(({ identity }) => identity.id).join(', ');
    say(`another process holds session ${first.identity.id}'s card; sessions ${names} log on`);
    const logons = since(hold.since, await logOnAtOnce(service, others, signal));
    say('waiting for the other process to let go');
    const releasedMs = (await hold.released) - hold.since;
    await participants.checkCards(sessions, signal);

    say(`session ${first.identity.id} reconnects, with a new connect time`);
    const [back, reconnect] = await logOnReconnected(participants, service, first, signal);
    sessions[0] = back;
    return { filter, heldReader: first.reader, releasedMs, baseline, logons, reconnect };
  } finally {
    await hold?.release();
    await service.close();
  }
}

async function logOnAtOnce(
  service: LogonService,
  sessions: readonly ScenarioSession[],
  signal: AbortSignal | undefined,
): Promise<ReproLogon[]> {
  const done = await Promise.all(sessions.map((session) => service.logon(session, signal)));
  return done.map(({ record }) => record);
}

async function logOnReconnected(
  participants: Participants,
  service: LogonService,
  session: ScenarioSession,
  signal: AbortSignal | undefined,
): Promise<[ScenarioSession, ReproReconnect]> {
  const before = session.identity;
  const opened = ({ identity }: { identity: { id: number; connectTime: bigint } }) =>
    identity.id === before.id && identity.connectTime === before.connectTime;
  const old = (await service.entries()).filter(opened);
  const back = await participants.reconnect(session, signal);
  const { record, entry } = await service.logon(back, signal);
  const reconnect = {
    session: back.identity.id,
    connectTime: String(back.identity.connectTime),
    usedOldEntry: old.some(({ id }) => id === entry),
    oldEntryGone: !(await service.entries()).some(opened),
    ok: record.ok,
    ...(record.error && { error: record.error }),
  };
  return [back, reconnect];
}

/** Times counted from `zero`. */
function since(zero: number, logons: readonly ReproLogon[]): ReproLogon[] {
  return logons.map((logon) => ({ ...logon, startMs: logon.startMs - zero, endMs: logon.endMs - zero }));
}
