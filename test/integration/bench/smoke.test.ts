import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { measurements } from '../../../bench/measure/index.js';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../../..', import.meta.url));
const wanted = measurements.flatMap(({ metrics }) => metrics);
let directory: string;
let output: { stdout: string; stderr: string };
let results: { schema: number; metrics: Record<string, number>; details: Record<string, unknown> };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bench-'));
  const file = join(directory, 'results.json');
  output = await run('npm', ['run', '--silent', 'bench', '--', '--quick', '--no-peers', '--json', file], {
    cwd: root,
  });
  results = JSON.parse(await readFile(file, 'utf8'));
}, 180_000);

afterAll(() => rm(directory, { recursive: true, force: true }));

// The speed of this machine is not tested.
it('the benchmark reports every figure, as a finite number', () => {
  expect(results.schema).toBe(1);
  expect(Object.keys(results.metrics)).toEqual(expect.arrayContaining([...wanted]));
  for (const value of Object.values(results.metrics)) expect(Number.isFinite(value)).toBe(true);
  expect(results.details['failures']).toEqual({});
});

it('the benchmark reports the machine, the number of runs, and the spread', () => {
  expect(results.details['machine']).toMatchObject({
    cores: expect.any(Number),
    node: process.versions.node,
  });
  expect(results.details['apdu5_p50_vs_c']).toMatchObject({
    C: { rounds: expect.any(Number), samples: expect.any(Number) },
    'pcsc-bridge': { vsC: { p10: expect.any(Number), p90: expect.any(Number) } },
  });
});

it('the benchmark compares the transaction with and without the cache to C', () => {
  expect(results.details['transaction_p50_vs_c']).toMatchObject({
    C: { rounds: expect.any(Number) },
    'pcsc-bridge': { vsC: { p50: results.metrics['transaction_p50_vs_c'] } },
    'card.transaction': { vsC: { p50: expect.any(Number) } },
  });
});

// These are counts. The cache holds 64 entries; and of each of the 16 readers, one more may be closing in the daemon while
// another one opens, which on a busy machine all do at the same time. The goal of the benchmark is lower.
const mostContexts = 64 + 2 * 16 + 2;

it('a thousand sessions are served without a failure, with a bounded number of contexts and threads', () => {
  const { failures } = results.details['sessions1000'] as { failures: Record<string, number> };
  expect(failures).toEqual({});
  expect(results.metrics['sessions1000_failures']).toBe(0);
  expect(results.metrics['sessions1000_contexts']).toBeLessThanOrEqual(mostContexts);
  expect(results.metrics['sessions1000_threads']).toBeLessThanOrEqual(24);
});

it('the benchmark prints only a plain table to a pipe', () => {
  expect(output.stderr).toBe('');
  expect(output.stdout).not.toContain('\u001b');
  for (const name of wanted) expect(output.stdout).toMatch(new RegExp(`^${name} +-?[\\d.]+ `, 'm'));
});
