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

// How fast this machine is today is not for a test to say.
it('brings every figure, as a number that can be', () => {
  expect(results.schema).toBe(1);
  expect(Object.keys(results.metrics)).toEqual(expect.arrayContaining([...wanted]));
  for (const value of Object.values(results.metrics)) expect(Number.isFinite(value)).toBe(true);
  expect(results.details['failures']).toEqual({});
});

it('says what it was measured on, how often, and how much it varied', () => {
  expect(results.details['machine']).toMatchObject({
    cores: expect.any(Number),
    node: process.versions.node,
  });
  expect(results.details['apdu5_p50_vs_c']).toMatchObject({
    C: { rounds: expect.any(Number), samples: expect.any(Number) },
    'pcsc-bridge': { vsC: { p10: expect.any(Number), p90: expect.any(Number) } },
  });
});

it('has the transaction through the cache and without it beside C', () => {
  expect(results.details['transaction_p50_vs_c']).toMatchObject({
    C: { rounds: expect.any(Number) },
    'pcsc-bridge': { vsC: { p50: results.metrics['transaction_p50_vs_c'] } },
    'card.transaction': { vsC: { p50: expect.any(Number) } },
  });
});

// These are counts, and the same on every machine.
it('serves a thousand sessions without a failure, by a bounded number of contexts and threads', () => {
  const { failures } = results.details['sessions1000'] as { failures: Record<string, number> };
  expect(failures).toEqual({});
  expect(results.metrics['sessions1000_failures']).toBe(0);
  expect(results.metrics['sessions1000_contexts']).toBeLessThanOrEqual(80);
  expect(results.metrics['sessions1000_threads']).toBeLessThanOrEqual(24);
});

it('prints a plain table in a pipe, and nothing else', () => {
  expect(output.stderr).toBe('');
  expect(output.stdout).not.toContain('\u001b');
  for (const name of wanted) expect(output.stdout).toMatch(new RegExp(`^${name} +-?[\\d.]+ `, 'm'));
});
