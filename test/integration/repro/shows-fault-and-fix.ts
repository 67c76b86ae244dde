import { expect, it } from 'vitest';
import { type ReproResult, slowest } from '../../../src/tools/repro/result.js';
import type { runCli } from '../../support/run-cli.js';

/** What a reproduction of four sessions must show, with any kind of participants; `seen` is called after it has run. */
export function showsFaultAndFix(
  seen: () => { run: Awaited<ReturnType<typeof runCli>>; result: ReproResult; hold: number },
): void {
  it('reproduces the fault, shows the fix, and exits 0', () => {
    const { run, result } = seen();
    expect({ code: run.code, verdict: result.verdict, stderr: run.stderr }).toEqual({
      code: 0,
      verdict: 'fixed',
      stderr: '',
    });
  });

  it('with the filter off every other logon waits at least 0.8 of the rest of the hold', () => {
    const { result } = seen();
    const off = result.runs.find(({ filter }) => filter === 'off');
    expect(off?.logons.map(({ session }) => session)).toEqual([2, 3, 4]);
    for (const logon of off?.logons ?? []) {
      expect(logon.blockedBy).toBe(result.sessions[0]?.reader);
      expect(logon.evaluated[0]).toBe(result.sessions[0]?.reader);
      expect(logon.durationMs).toBeGreaterThanOrEqual(0.8 * ((off?.releasedMs ?? 0) - logon.startMs));
    }
  });

  it('with the filter on the slowest logon takes at most a tenth of the hold', () => {
    const { result, hold } = seen();
    const on = result.runs.find(({ filter }) => filter === 'on');
    expect(on?.logons).toHaveLength(3);
    expect(slowest(on?.logons ?? [])).toBeLessThanOrEqual(0.1 * hold);
    for (const logon of on?.logons ?? []) {
      const own = result.sessions.find(({ id }) => id === logon.session)?.reader;
      expect(logon).toMatchObject({ ok: true, blockedBy: null, evaluated: [own] });
    }
  });

  it('gives a session that returns a new entry with the filter on, its old one with the filter off', () => {
    const { result } = seen();
    const reconnects = Object.fromEntries(result.runs.map(({ filter, reconnect }) => [filter, reconnect]));
    expect(reconnects['on']).toMatchObject({ ok: true, usedOldEntry: false, oldEntryGone: true });
    expect(reconnects['off']).toMatchObject({ ok: true, usedOldEntry: true });
  });
}
