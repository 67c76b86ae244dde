import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReproResult, slowest } from '../../../src/harness/result.js';
import { isRunning } from '../../support/processes.js';
import { runCli } from './run-cli.js';

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

  it('tells of five agents, each a process of its own, none of which is left', () => {
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
