import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReproResult } from '../../../src/tools/repro/result.js';
import { isRunning } from '../../support/processes.js';
import { runCli } from '../../support/run-cli.js';
import { showsFaultAndFix } from './shows-fault-and-fix.js';

const hold = 2500;
let directory: string;
let result: ReproResult;
let run: Awaited<ReturnType<typeof runCli>>;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-repro-'));
  const json = join(directory, 'r.json');
  run = await runCli(['repro', '--agents', '--hold', String(hold), '--json', json]);
  result = JSON.parse(await readFile(json, 'utf8').catch(() => expect.fail(run.stderr)));
}, 60_000);

afterAll(() => rm(directory, { recursive: true }));

describe('pcsc-bridge repro --agents: a broker and four users, each a process', () => {
  showsFaultAndFix(() => ({ run, result, hold }));

  it('reports five agents, each a process of its own, none of which is left', () => {
    const described = Object.entries(result.environment).filter(([part]) => /^(broker|user of)/.test(part));
    expect(described.map(([part]) => part)).toEqual([
      'broker',
      ...[1, 2, 3, 4].map((session) => `user of session ${session}`),
    ]);
    const pids = described.map(([, text]) => Number(/pid (\d+)$/.exec(text)?.[1]));
    expect(new Set(pids).size).toBe(5);
    expect(pids.filter(isRunning)).toEqual([]);
  });
});
