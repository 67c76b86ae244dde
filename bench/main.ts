/** The benchmark: everything side by side on one daemon with fast virtual cards. */
import { writeFile } from 'node:fs/promises';
import { Progress } from '#progress';
import { buildNative } from './build.js';
import { C, type Contender, HOPS, OURS } from './contenders.js';
import { describeMachine } from './machine.js';
import { measurements } from './measure/index.js';
import type { Context } from './measure/measure.js';
import { choose, readOptions, usage } from './options.js';
import { installPeers, peers } from './peers.js';
import { Recorder } from './recorder.js';
import { type Setup, setUp } from './setup.js';
import { comparisonTable, goalTable } from './table.js';

const options = readOptionsOrEnd();
const recorder = new Recorder();
const line = new Progress();
const progress = (text: string) => line.step(text);
const started = performance.now();
const seconds: Record<string, number> = {};

if (options.peers) await installPeers(progress);
await buildNative();
{
  await using setup = await setUp();
  recorder.detail('machine', await describeMachine(setup.rig.version));
  recorder.detail('options', options);
  for (const measurement of choose(measurements, options.only)) {
    const begun = performance.now();
    try {
      await measurement.run(contextFor(setup));
    } catch (error) {
      for (const metric of measurement.metrics) recorder.failed(metric, error);
    }
    await setup.clear();
    seconds[measurement.name] = (performance.now() - begun) / 1000;
  }
}
recorder.detail('seconds', { ...seconds, all: (performance.now() - started) / 1000 });
line.end();
report();

function readOptionsOrEnd() {
  try {
    return readOptions(process.argv.slice(2), measurements);
  } catch (error) {
    console.error(`${(error as Error).message}\n${usage}`);
    process.exit(2);
  }
}

function contextFor(setup: Setup): Context {
  return {
    setup,
    recorder,
    quick: options.quick,
    times: (full, quick) => (options.quick ? quick : full),
    contenders: () => {
      const ours: Contender[] = [
        { name: C, client: setup.startC(C) },
        { name: HOPS, client: setup.startHops(HOPS) },
        { name: OURS, client: setup.startBridge(OURS) },
      ];
      const others = options.peers
        ? peers.map((peer) => ({ name: peer.name, client: peer.start(setup) }))
        : [];
      return [...ours, ...others];
    },
    progress,
  };
}

function report(): void {
  const { results } = recorder;
  console.log(`${comparisonTable(results)}\n\n${goalTable(results)}`);
  // A figure of ours that could not be had is a failure of the run; one that misses its goal is a finding.
  const wanted = choose(measurements, options.only).flatMap(({ metrics }) => metrics);
  if (wanted.some((name) => results.metrics[name] === undefined)) process.exitCode = 1;
}

if (options.json !== undefined) {
  await writeFile(options.json, `${JSON.stringify(recorder.results, undefined, 2)}\n`);
}
