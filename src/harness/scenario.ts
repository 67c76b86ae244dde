/**
 * KB949538, step by step: users are logged on by smart card; another process holds a transaction on the first
 * user's card; the other users log on again, all at once. Then the first user comes back with a new connect
 * time.
 */
import { toConnectTime } from '../index.js';
import { Holder } from './holder.js';
import { LogonService } from './logon-service.js';
import { judge, type ReproLogon, type ReproReconnect, type ReproResult, type ReproRun } from './result.js';
import type { Player, Stage } from './stage.js';

export interface ScenarioOptions {
  /** How long the other process holds the first card, in milliseconds. */
  holdMs: number;
  filters: readonly ('off' | 'on')[];
  signal?: AbortSignal | undefined;
  /** Told what is going on. */
  onProgress?: ((step: string) => void) | undefined;
}

export async function reproduce(stage: Stage, options: ScenarioOptions): Promise<ReproResult> {
  const runs: ReproRun[] = [];
  for (const filter of options.filters) runs.push(await playOnce(stage, filter, options));
  return {
    schema: 1,
    holdMs: options.holdMs,
    sessions: stage.players.map(({ identity, reader }) => ({
      id: identity.id,
      connectTime: String(identity.connectTime),
      reader,
    })),
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
  const [first, ...others] = stage.players;
  if (!first || others.length === 0) throw new RangeError('the scenario needs two sessions or more');
  const service = new LogonService(filter);
  let holder: Holder | undefined;
  try {
    onProgress(`filter ${filter}: first logons of ${stage.players.length} sessions`);
    for (const player of stage.players) {
      await service.open(player.identity);
      const { record } = await service.logon(player, signal);
      if (!record.ok) throw new Error(`the first logon of session ${record.session} failed: ${record.error}`);
    }
    onProgress(`filter ${filter}: the same logons with nobody holding a card`);
    const baseStart = performance.now();
    const baseline = since(baseStart, await logOnAtOnce(service, others, signal));

    holder = await Holder.start(first.reader, holdMs, signal);
    const { heldSince } = holder;
    const names = others.map(({ identity }) => identity.id).join(', ');
    onProgress(`filter ${filter}: another process holds session 1's card; sessions ${names} log on`);
    const logons = since(heldSince, await logOnAtOnce(service, others, signal));
    onProgress(`filter ${filter}: waiting for the other process to let go`);
    const releasedMs = (await holder.released) - heldSince;

    onProgress(`filter ${filter}: session 1 comes back with a new connect time`);
    const reconnect = await comeBack(service, first, signal);
    return { filter, heldReader: first.reader, releasedMs, baseline, logons, reconnect };
  } finally {
    holder?.release();
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
  service: LogonService,
  player: Player,
  signal: AbortSignal | undefined,
): Promise<ReproReconnect> {
  const { id, connectTime: before } = player.identity;
  const opened = ({ identity }: { identity: { id: number; connectTime: bigint } }) =>
    identity.id === id && identity.connectTime === before;
  const old = service.bridge.cache.entries().filter(opened);
  const identity = { id, connectTime: toConnectTime(Date.now()) };
  await service.open(identity);
  const { record, lookup } = await service.logon({ ...player, identity }, signal);
  return {
    session: id,
    connectTime: String(identity.connectTime),
    usedOldEntry: old.some(({ entry }) => entry === lookup?.entry.entry),
    oldEntryGone: !service.bridge.cache.entries().some(opened),
    ok: record.ok,
    ...(record.error && { error: record.error }),
  };
}

/** Times counted from `zero`. */
function since(zero: number, logons: readonly ReproLogon[]): ReproLogon[] {
  return logons.map((logon) => ({ ...logon, startMs: logon.startMs - zero, endMs: logon.endMs - zero }));
}
