/** Users wait for a held card: does anything else in their process notice? */
import type { Client } from '../client.js';
import { sleep } from '../clock.js';
import { C, HOPS, OURS } from '../contenders.js';
import { median, ratios, spread } from '../statistics.js';
import { Holding } from './holding.js';
import type { Context, Measurement } from './measure.js';

const kinds = ['transmit', 'readfile', 'pbkdf2', 'dns'] as const;
const WAITERS = 16;
/** As many as libuv has threads: enough to stop a library that waits on them. */
const PEER_WAITERS = 4;

export const blocked: Measurement = {
  name: 'blocked',
  metrics: kinds.map((kind) => `blocked_${kind}_vs_idle`),
  async run(context) {
    const holding = await Holding.start(context.setup);
    for (const { name, client } of context.contenders()) {
      if (name === C || name === HOPS || name === 'pyscard') continue; // have no such pool to stop
      context.progress(`blocked ${name}`);
      try {
        if (name === OURS) await measureOurs(context, client, holding);
        else await measurePeer(context, name, client, holding);
      } catch (error) {
        for (const kind of kinds) {
          context.recorder.failed(`blocked_${kind}_vs_idle${name === OURS ? '' : `_${name}`}`, error);
        }
      }
      await client.stop();
    }
    await holding.stop();
  },
};

async function measureOurs(context: Context, client: Client, holding: Holding): Promise<void> {
  await client.request('open 2');
  await client.request(`users ${WAITERS}`);
  const samples = context.times(60, 25);
  const round = async () => {
    const figures: Record<string, number> = {};
    for (const kind of kinds) {
      figures[kind] = median((await client.request<{ ms: number[] }>(`probe ${kind} ${samples} 5000`)).ms);
    }
    return figures;
  };
  const idle: Record<string, number>[] = [];
  const busy: Record<string, number>[] = [];
  const rounds = context.times(15, 3);
  for (let i = 0; i <= rounds; i++) {
    const before = await round();
    await holding.begin();
    await client.request(`wait ${WAITERS}`);
    await sleep(50);
    const during = await round();
    await holding.end();
    await client.request('waited');
    if (i === 0) continue; // warming up
    idle.push(before);
    busy.push(during);
  }
  for (const kind of kinds) {
    const [quiet, loud] = [idle, busy].map((all) => all.map((figures) => figures[kind] as number));
    const vsIdle = ratios(loud as number[], quiet as number[]);
    context.recorder.metric(`blocked_${kind}_vs_idle`, vsIdle.p50);
    context.recorder.detail(`blocked_${kind}_vs_idle`, {
      waiters: WAITERS,
      rounds,
      samplesPerRound: samples,
      vsIdle,
      idleMs: spread(quiet as number[]),
      blockedMs: spread(loud as number[]),
    });
  }
}

/** One sample each, with a hold for each: what is stopped is stopped until the card is free. */
async function measurePeer(context: Context, name: string, client: Client, holding: Holding): Promise<void> {
  const holdMs = context.times(2000, 600);
  await client.request('open 2', 10_000);
  await client.request(`users ${PEER_WAITERS}`, 10_000);
  const details: Record<string, unknown> = {};
  for (const kind of kinds) {
    const idle = await client.request<{ ms: number[] }>(`probe ${kind} 20 1000`);
    await holding.begin();
    const held = sleep(holdMs).then(() => holding.end());
    try {
      await client.request(`wait ${PEER_WAITERS}`);
      await sleep(50);
      const during = await client.request<{ ms: number[] }>(`probe ${kind} 20 200`, holdMs + 5000);
      const vsIdle = median(during.ms) / median(idle.ms);
      context.recorder.metric(`blocked_${kind}_vs_idle_${name}`, vsIdle);
      details[kind] = { idleMs: median(idle.ms), blockedMs: median(during.ms), vsIdle };
      await client.request('waited', holdMs + 5000);
    } finally {
      await held;
    }
  }
  context.recorder.detail(`blocked_${name}`, { waiters: PEER_WAITERS, holdMs, ...details });
}
