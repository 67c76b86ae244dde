/** A worker ends in the middle of a call, and its card is free again, for this process and for others. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { startRig } from '../../support/rig.js';
import { median, slowness } from '../../support/time.js';

const root = new URL('../../../', import.meta.url);
const program = fileURLToPath(new URL('programs/ends-workers.mjs', import.meta.url));
const holder = fileURLToPath(new URL('build/Release/pcsc-holder', root));
/** At least one for each call. */
const rounds = slowness > 1 ? 5 : 20;
/** Milliseconds after which a card counts as locked. Usually it takes less than a second, see below. */
const limit = 5000 * slowness;

// One slot of each device. Its two slots share a driver, in which a slow command blocks the other.
const rig = await startRig({ slots: 8 });
const readers = rig.readers.filter((_, slot) => slot % 2 === 0);

interface Round {
  call: string;
  /** Resolves when this thread and another process have had the card; null if one of them has not. */
  ms: number | null;
  error?: string;
}

async function endWorkers(path: string, ending: string, calls: string[]): Promise<Round[]> {
  const given = { root: String(root), readers, path, ending, calls, rounds, limit, holder };
  const child = spawn(process.execPath, [program, JSON.stringify(given)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000 * slowness,
    killSignal: 'SIGKILL',
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => {
    stdout += data;
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const [code, signal] = await once(child, 'close');
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: '' });
  return JSON.parse(stdout);
}

describe.each([
  { path: 'cached', calls: ['lookup', 'begin', 'transmit', 'exchange', 'end'] },
  { path: 'plain', calls: ['connect', 'begin', 'transmit', 'exchange', 'end'] },
])(`${rounds} workers in the middle of a call, $path`, ({ path, calls }) => {
  test.each(['terminate', 'exit', 'throw'])(
    'ended by %s',
    async (ending) => {
      const results = await endWorkers(path, ending, calls);
      expect(results.filter(({ error }) => error)).toEqual([]);
      expect(results).toHaveLength(rounds);
      const times = results.map(({ ms }) => ms ?? Number.POSITIVE_INFINITY);
      const report = JSON.stringify(results);
      expect(median(times), report).toBeLessThan(1000 * slowness);
      expect(Math.max(...times), report).toBeLessThan(limit);
    },
    40_000 * slowness,
  );
});
