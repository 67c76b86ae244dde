/** The programs that do the same thing side by side: C, this library, and the peers. */
import type { Client } from './client.js';
import type { Recorder } from './recorder.js';
import { median, ratios, type Spread, spread } from './statistics.js';

export interface Contender {
  name: string;
  client: Client;
  failure?: string;
}

/** What one of them took, round by round and over C. */
export interface Standing {
  unit: string;
  rounds: number;
  samples: number;
  figure: Spread;
  vsC: Spread;
}

export const C = 'C';
export const OURS = 'pcsc-bridge';

/** Each gets ready by itself; one that fails is out, and the others go on. */
export async function prepare(contenders: readonly Contender[], orders: readonly string[]): Promise<void> {
  for (const contender of contenders) {
    for (const order of orders) {
      await attempt(contender, () => contender.client.request(order, 15_000));
    }
  }
}

async function attempt<T>(contender: Contender, action: () => Promise<T>): Promise<T | undefined> {
  if (contender.failure !== undefined) return undefined;
  try {
    return await action();
  } catch (error) {
    contender.failure = (error as Error).message;
    // It may be in the middle of a transaction, which nobody else would survive.
    await contender.client.kill();
    return undefined;
  }
}

export interface Comparison {
  rounds: number;
  unit: string;
  /** One round of one program: its samples. */
  round: (client: Client) => Promise<number[]>;
  /** Metrics and rows in the details begin with this. */
  name: string;
}

/**
 * Round after round, everybody's turn in a changing order; the first round warms up and is not counted.
 * Records `NAME_vs_c` for this library, `NAME_vs_c_PEER` for the others, and how they came about.
 */
export async function compare(
  recorder: Recorder,
  contenders: readonly Contender[],
  { name, rounds, unit, round }: Comparison,
): Promise<void> {
  const running = contenders.map(({ name: who, client, failure }) => ({
    ...(failure === undefined ? {} : { failure }),
    name: who,
    client,
    samples: [] as number[],
    figures: [] as number[],
  }));
  for (let i = 0; i <= rounds; i++) {
    for (let turn = 0; turn < running.length; turn++) {
      const contender = running[(turn + i) % running.length] as (typeof running)[number];
      const samples = await attempt(contender, () => round(contender.client));
      if (samples === undefined || i === 0) continue;
      contender.samples.push(...samples);
      contender.figures.push(median(samples));
    }
  }

  const baseline = running.find(({ name: who }) => who === C);
  if (!baseline || baseline.failure !== undefined) throw new Error(baseline?.failure ?? 'no C program');
  const standings: Record<string, Standing | { failed: string }> = {};
  for (const { name: who, failure, samples, figures } of running) {
    const metric = who === OURS ? `${name}_vs_c` : `${name}_vs_c_${who}`;
    if (failure !== undefined) {
      standings[who] = { failed: failure };
      recorder.failed(metric, failure);
      continue;
    }
    const vsC = ratios(figures, baseline.figures);
    standings[who] = { unit, rounds, samples: samples.length, figure: spread(samples), vsC };
    if (who !== C) recorder.metric(metric, vsC.p50);
  }
  recorder.detail(`${name}_vs_c`, standings);
}
