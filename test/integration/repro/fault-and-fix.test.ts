import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ReproResult } from '../../../src/tools/repro/result.js';
import { runCli } from '../../support/run-cli.js';
import { showsFaultAndFix } from './shows-fault-and-fix.js';

const hold = 2500;
let directory: string;
let result: ReproResult;
let run: Awaited<ReturnType<typeof runCli>>;
let page: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-repro-'));
  const [json, html] = [join(directory, 'r.json'), join(directory, 'r.html')];
  run = await runCli(['repro', '--hold', String(hold), '--json', json, '--report', html]);
  result = JSON.parse(await readFile(json, 'utf8'));
  page = await readFile(html, 'utf8');
}, 60_000);

afterAll(() => rm(directory, { recursive: true }));

describe('pcsc-bridge repro', () => {
  showsFaultAndFix(() => ({ run, result, hold }));

  it('writes the data as the contract says', () => {
    expect(result).toMatchObject({ schema: 1, holdMs: hold });
    expect(result.sessions).toHaveLength(4);
    expect(result.runs.map(({ filter }) => filter)).toEqual(['off', 'on']);
  });

  it('prints a timeline and the verdict, and writes the page', () => {
    expect(run.stdout).toMatch(/session 2 ░+▓ +logged on after .* blocked by session 1/);
    expect(run.stdout).toMatch(/\nFixed: /);
    expect(page).toContain('<svg role="img"');
  });
});
