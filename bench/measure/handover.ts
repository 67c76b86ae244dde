/** A card passes from one user to the next. */
import type { Client } from '../client.js';
import { now, sleep } from '../clock.js';
import { C, type Contender, OURS, prepare } from '../contenders.js';
import { processorMs } from '../processes.js';
import { median, spread } from '../statistics.js';
import { Holding } from './holding.js';
import { type Context, EMPTY, type Measurement } from './measure.js';

export const handover: Measurement = {
  name: 'handover',
  metrics: ['handover_process_ms_p50', 'handover_cross_ms_p50', 'handover_waiter_cpu_percent', 'queue8_ms'],
  async run(context) {
    const contenders = context.contenders().filter(({ name }) => !withoutTransactions.has(name));
    const find = (name: string) => (contenders.find((one) => one.name === name) as Contender).client;
    const [c, ours] = [find(C), find(OURS)];
    const holding = await Holding.start(context.setup);
    await prepare(contenders, ['open 1']);

    await inProcess(context, ours);
    await acrossProcesses(context, [c, ours], holding);
    await waiterCost(context, ours, holding);
    await queue(context, contenders);
    await Promise.all([holding.stop(), ...contenders.map(({ client }) => client.stop())]);
  },
};

const withoutTransactions = new Set(['pcsclite', 'pokusew-pcsclite', 'nfc-pcsc', 'smartcard']);

async function inProcess({ recorder, times, progress }: Context, ours: Client): Promise<void> {
  progress('handover_process');
  await ours.request('handover 20');
  const { ms } = await ours.request<{ ms: number[] }>(`handover ${times(400, 60)}`);
  const { served } = await ours.request<{ served: number[] }>('order 16');
  recorder.metric('handover_process_ms_p50', median(ms));
  recorder.detail('handover_process_ms_p50', {
    samples: ms.length,
    ms: spread(ms),
    servedInOrderOfArrival: served.every((place, index) => place === index),
  });
}

/** From the moment the C program is about to let go to the moment the waiter has the card. */
async function acrossProcesses(
  { recorder, times, progress }: Context,
  clients: readonly [c: Client, ours: Client],
  holding: Holding,
): Promise<void> {
  progress('handover_cross');
  const details: Record<string, unknown> = {};
  for (const [client, count] of [
    [clients[0], times(25, 4)],
    [clients[1], times(150, 25)],
  ] as const) {
    const ms: number[] = [];
    for (let i = 0; i < count; i++) {
      await holding.begin();
      const begun = client.request<{ at: number }>('begin 0');
      // Long enough to be past the first looks, and never in step with anybody's pauses.
      await sleep(15 + Math.random() * 25);
      const ended = await holding.end();
      ms.push((await begun).at - ended);
      await client.request('end 0');
    }
    details[client.name] = { samples: count, ms: spread(ms) };
    if (client.name === OURS) recorder.metric('handover_cross_ms_p50', median(ms));
  }
  recorder.detail('handover_cross_ms_p50', details);
}

/** Processor time of the waiting process, and of the daemon that it asks. */
async function waiterCost(
  { recorder, setup, times, progress }: Context,
  ours: Client,
  holding: Holding,
): Promise<void> {
  progress('handover_waiter_cpu');
  const hold = times(5000, 1500);
  const daemonMs = () => (setup.daemonPid === undefined ? Number.NaN : processorMs(setup.daemonPid));
  const cost = async (waiting: boolean) => {
    await holding.begin();
    const begun = waiting ? ours.request('begin 0') : undefined;
    await sleep(100);
    const start = now();
    const before = { waiter: processorMs(ours.pid), daemon: daemonMs() };
    await sleep(hold);
    const wall = now() - start;
    const waiter = (100 * (processorMs(ours.pid) - before.waiter)) / wall;
    const daemon = (100 * (daemonMs() - before.daemon)) / wall;
    await holding.end();
    await begun;
    if (waiting) await ours.request('end 0');
    return { waiter, daemon };
  };
  const idle = await cost(false);
  const busy = await cost(true);
  recorder.metric('handover_waiter_cpu_percent', busy.waiter);
  recorder.detail('handover_waiter_cpu_percent', { holdMs: hold, idle, waiting: busy });
}

async function queue({ recorder, times, progress }: Context, contenders: Contender[]): Promise<void> {
  progress('queue8');
  const order = `queue 8 ${EMPTY}`;
  const details: Record<string, unknown> = {};
  for (const { name, client, failure } of contenders) {
    const rounds = name === OURS ? times(50, 10) : times(3, 1);
    const ms: number[] = [];
    try {
      if (failure !== undefined) throw new Error(failure);
      if (name === OURS) await client.request(order);
      for (let i = 0; i < rounds; i++) ms.push((await client.request<{ ms: number }>(order, 10_000)).ms);
      const metric = name === OURS ? 'queue8_ms' : `queue8_ms_${name}`;
      recorder.metric(metric, median(ms));
      details[name] = { rounds, ms: spread(ms) };
    } catch (error) {
      details[name] = { failed: (error as Error).message };
      recorder.failed(name === OURS ? 'queue8_ms' : `queue8_ms_${name}`, error);
    }
  }
  recorder.detail('queue8_ms', details);
}
