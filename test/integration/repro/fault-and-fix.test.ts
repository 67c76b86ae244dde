import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReproResult, slowest } from '../../../src/harness/result.js';
import { runCli } from './run-cli.js';

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
  it('reproduces the fault, shows the fix, and exits 0', () => {
    expect({ code: run.code, verdict: result.verdict, stderr: run.stderr }).toEqual({
      code: 0,
      verdict: 'fixed',
      stderr: '',
    });
  });

  it('with the filter off every other logon waits at least 0.8 of what is left of the hold', () => {
    const off = result.runs.find(({ filter }) => filter === 'off');
    expect(off?.logons.map(({ session }) => session)).toEqual([2, 3, 4]);
    for (const logon of off?.logons ?? []) {
      expect(logon.blockedBy).toBe(result.sessions[0]?.reader);
      expect(logon.evaluated[0]).toBe(result.sessions[0]?.reader);
      expect(logon.durationMs).toBeGreaterThanOrEqual(0.8 * ((off?.releasedMs ?? 0) - logon.startMs));
    }
  });

  it('with the filter on the slowest logon takes at most a tenth of the hold', () => {
    const on = result.runs.find(({ filter }) => filter === 'on');
    expect(on?.logons).toHaveLength(3);
    expect(slowest(on?.logons ?? [])).toBeLessThanOrEqual(0.1 * hold);
    for (const logon of on?.logons ?? []) {
      const own = result.sessions.find(({ id }) => id === logon.session)?.reader;
      expect(logon).toMatchObject({ ok: true, blockedBy: null, evaluated: [own] });
    }
  });

  it('gives a session that comes back a new entry with the filter on, its old one with the filter off', () => {
    const reconnects = Object.fromEntries(result.runs.map(({ filter, reconnect }) => [filter, reconnect]));
    expect(reconnects['on']).toMatchObject({ ok: true, usedOldEntry: false, oldEntryGone: true });
    expect(reconnects['off']).toMatchObject({ ok: true, usedOldEntry: true });
  });

  it('writes the data as the contract has it', () => {
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
