/**
 * KB949538, step by step: users log on by smart card; another process holds a transaction on the first user's card; the
 * other users log on again at the same time. Then the first user's session reconnects with a new connect time. The
 * scenario does not depend on who plays the parts, or where.
 */
import type { Cast, Hold, LogonService, Player } from './cast.js';
import { Ending } from './ending.js';
import { judge, type ReproLogon, type ReproReconnect, type ReproResult, type ReproRun } from './result.js';
import type { Stage } from './stage.js';

export interface ScenarioOptions {
  /** How long the other process holds the first card, in milliseconds. */
  holdMs: number;
  filters: readonly ('off' | 'on')[];
  signal?: AbortSignal | undefined;
  /** Called with each step. */
  onProgress?: ((step: string) => void) | undefined;
}

export async function reproduce(stage: Stage, options: ScenarioOptions): Promise<ReproResult> {
  const sessions = stage.players.map(({ identity, reader }) => ({
    id: identity.id,
    connectTime: String(identity.connectTime),
    reader,
  }));
  const runs: ReproRun[] = [];
  const { lost } = stage.cast;
  using ending = new Ending(options.signal, lost);
  try {
    for (const filter of options.filters) {
      runs.push(await playOnce(stage, filter, { ...options, signal: ending.signal }));
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
      ...stage.environment,
      node: process.version,
      platform: `${process.platform} ${process.arch}`,
      date: new Date().toISOString(),
    },
  };
}

async function playOnce(stage: Stage, filter: 'off' | 'on', options: ScenarioOptions): Promise<ReproRun> {
  const { holdMs, signal, onProgress = () => {} } = options;
  const { cast, players } = stage;
  const [first, ...others] = players;
  if (!first || others.length === 0) throw new RangeError('the scenario needs two sessions or more');
  const say = (step: string) => onProgress(`filter ${filter}: ${step}`);
  const service = await cast.startService(filter, signal);
  let hold: Hold | undefined;
  try {
    await cast.checkCards(players, signal);
    say(`first logons of ${players.length} sessions`);
    for (const player of players) {
      const { record } = await service.logon(player, signal);
      if (!record.ok) throw new Error(`the first logon of session ${record.session} failed: ${record.error}`);
    }
    say('the same logons while no card is held');
    const baseStart = performance.now();
    const baseline = since(baseStart, await logOnAtOnce(service, others, signal));

    hold = await cast.hold(first, holdMs, signal);
    const names = others.map(({ identity }) => identity.id).join(', ');
    say(`another process holds session ${first.identity.id}'s card; sessions ${names} log on`);
    const logons = since(hold.since, await logOnAtOnce(service, others, signal));
    say('waiting for the other process to let go');
    const releasedMs = (await hold.released) - hold.since;
    await cast.checkCards(players, signal);

    say(`session ${first.identity.id} comes back with a new connect time`);
    const [back, reconnect] = await comeBack(cast, service, first, signal);
    players[0] = back;
    return { filter, heldReader: first.reader, releasedMs, baseline, logons, reconnect };
  } finally {
    await hold?.release();
    await service.close();
  }
}

async function logOnAtOnce(
  service: LogonService,
  players: readonly Player[],
  signal: AbortSignal | undefined,
): Promise<ReproLogon[]> {
  const done = await Promise.all(players.map((player) => service.logon(player, signal)));
  return done.map(({ record }) => record);
}

async function comeBack(
  cast: Cast,
  service: LogonService,
  player: Player,
  signal: AbortSignal | undefined,
): Promise<[Player, ReproReconnect]> {
  const before = player.identity;
  const opened = ({ identity }: { identity: { id: number; connectTime: bigint } }) =>
    identity.id === before.id && identity.connectTime === before.connectTime;
  const old = (await service.entries()).filter(opened);
  const back = await cast.comeBack(player, signal);
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
