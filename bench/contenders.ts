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
/** C by way of an event loop and a thread per card: what an asynchronous library on libpcsclite cannot go below. */
export const HOPS = 'C-two-hops';
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

interface Taken {
  samples: number[];
  /** One per round. */
  figures: number[];
  failure?: string;
}

/**
 * What several programs take for the same thing, in rounds: everybody's turn in an order of chance, so that
 * nobody always follows the same one. May go on with new processes of the same programs.
 */
export class Comparison {
  readonly #taken = new Map<string, Taken>();
  #rounds = 0;

  constructor(
    /** Figures and details begin with this. */
    readonly name: string,
    readonly unit: string,
  ) {}

  /** `round` is one program's turn: its samples. The first round warms up and is not counted. */
  async run(
    contenders: readonly Contender[],
    rounds: number,
    round: (client: Client, name: string) => Promise<number[]>,
  ): Promise<void> {
    for (const { name } of contenders) this.#of(name); // in this order in every table
    for (let i = 0; i <= rounds; i++) {
      for (const contender of shuffled(contenders)) {
        const samples = await attempt(contender, () => round(contender.client, contender.name));
        if (samples === undefined || i === 0) continue;
        const taken = this.#of(contender.name);
        taken.samples.push(...samples);
        taken.figures.push(median(samples));
      }
    }
    this.#rounds += rounds;
    for (const { name, failure } of contenders) {
      if (failure !== undefined) this.#of(name).failure = failure;
    }
  }

  /** Records `NAME_vs_c` for this library, `NAME_vs_c_PEER` for the others, and how they came about. */
  record(recorder: Recorder): void {
    const baseline = this.#of(C);
    if (baseline.failure !== undefined) throw new Error(baseline.failure);
    const standings: Record<string, Standing | { failed: string }> = {};
    for (const [who, { failure, samples, figures }] of this.#taken) {
      const metric = who === OURS ? `${this.name}_vs_c` : `${this.name}_vs_c_${who}`;
      if (failure !== undefined) {
        standings[who] = { failed: failure };
        recorder.failed(metric, failure);
        continue;
      }
      const vsC = ratios(figures, baseline.figures);
      const { unit } = this;
      standings[who] = { unit, rounds: this.#rounds, samples: samples.length, figure: spread(samples), vsC };
      if (who !== C) recorder.metric(metric, vsC.p50);
    }
    recorder.detail(`${this.name}_vs_c`, standings);
  }

  #of(name: string): Taken {
    const taken = this.#taken.get(name) ?? { samples: [], figures: [] };
    this.#taken.set(name, taken);
    return taken;
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, place: Math.random() }))
    .sort((a, b) => a.place - b.place)
    .map(({ item }) => item);
}
