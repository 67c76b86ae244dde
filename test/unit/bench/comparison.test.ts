import { expect, it } from 'vitest';
import type { Client } from '../../../bench/client.js';
import { Comparison, type Contender } from '../../../bench/contenders.js';
import { Recorder } from '../../../bench/recorder.js';

/** A program that takes as long as it is told to, and fails after a given number of turns. */
function contender(name: string, takes: number, turns = Number.POSITIVE_INFINITY): Contender {
  let left = turns;
  const client = {
    request: async () => {
      left -= 1;
      if (left < 0) throw new Error(`${name} crashed`);
      return { us: [takes, takes, takes] };
    },
    kill: async () => {},
  };
  return { name, client: client as unknown as Client };
}

const turn = async (client: Client) => (await client.request<{ us: number[] }>('')).us;

it('records each contender relative to C, without warm-up, and each round once', async () => {
  const comparison = new Comparison('apdu', 'us');
  const start = () => [contender('C', 100), contender('pcsc-bridge', 110), contender('other', 150)];
  await comparison.run(start(), 4, turn);
  await comparison.run(start(), 4, turn);
  const recorder = new Recorder();
  comparison.record(recorder);
  const { metrics, details } = recorder.results;
  expect(metrics).toEqual({ apdu_vs_c: 1.1, apdu_vs_c_other: 1.5 });
  expect(details['apdu_vs_c']).toMatchObject({
    'pcsc-bridge': { rounds: 8, samples: 24, vsC: { p50: 1.1 } },
  });
});

it('continues without a program that fails, and reports why', async () => {
  const comparison = new Comparison('apdu', 'us');
  const start = [contender('C', 100), contender('pcsc-bridge', 110), contender('other', 150, 2)];
  await comparison.run(start, 4, turn);
  const recorder = new Recorder();
  comparison.record(recorder);
  expect(recorder.results.metrics).toEqual({ apdu_vs_c: 1.1 });
  expect(recorder.results.details.failures).toEqual({ apdu_vs_c_other: 'other crashed' });
});

it('reports nothing without C', async () => {
  const comparison = new Comparison('apdu', 'us');
  await comparison.run([contender('C', 100, 1), contender('pcsc-bridge', 110)], 2, turn);
  expect(() => comparison.record(new Recorder())).toThrow('C crashed');
});

it('passes the program and its name to each turn, so that programs can do the same work in different orders', async () => {
  const comparison = new Comparison('transaction', 'us');
  const turns: string[] = [];
  await comparison.run([contender('C', 100), contender('pcsc-bridge', 110)], 1, async (client, name) => {
    turns.push(name);
    return turn(client);
  });
  expect(turns.sort()).toEqual(['C', 'C', 'pcsc-bridge', 'pcsc-bridge']);
});
