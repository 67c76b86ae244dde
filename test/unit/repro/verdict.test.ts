import { describe, expect, it } from 'vitest';
import { judge, type ReproLogon } from '../../../src/tools/repro/result.js';
import { blockedLogon, faultRun, fixRun, freeLogon, runWith } from './example-result.js';

const hold = 3000;

describe('the verdict', () => {
  it('is "fixed" when the fault is seen with the filter off and not with it on', () => {
    expect(judge([faultRun, fixRun], hold)).toBe('fixed');
  });

  it('is "not-reproduced" if a logon completed although the filter was off', () => {
    const off = runWith('off', [blockedLogon(2), freeLogon(3)]);
    expect(judge([off, fixRun], hold)).toBe('not-reproduced');
  });

  it('is "not-reproduced" if the logons waited for less than 0.8 of the rest of the hold', () => {
    const brief = { durationMs: 2000, endMs: 2001, waitedMs: 1980 };
    const off = runWith('off', [blockedLogon(2, brief), blockedLogon(3, brief)]);
    expect(judge([off, fixRun], hold)).toBe('not-reproduced');
  });

  it('is "not-reproduced" if the logons waited for a card other than the held one', () => {
    const elsewhere = { blockedBy: 'Reader B 00 01' };
    const off = runWith('off', [blockedLogon(2, elsewhere), blockedLogon(3, elsewhere)]);
    expect(judge([off, fixRun], hold)).toBe('not-reproduced');
  });

  const notFixed: [string, Partial<ReproLogon>][] = [
    ['waited for another session', { blockedBy: 'Reader A 00 00' }],
    ['took more than a tenth of the hold', { durationMs: 400, endMs: 401 }],
    ['failed', { ok: false, error: 'no card' }],
  ];
  it.each(notFixed)('is "not-fixed" if a logon with the filter on %s', (_what, changes) => {
    const on = runWith('on', [freeLogon(2, changes), freeLogon(3)]);
    expect(judge([faultRun, on], hold)).toBe('not-fixed');
  });

  it('is "not-fixed" if a returning session got the card of its earlier connection', () => {
    const on = runWith('on', fixRun.logons, { reconnect: { ...fixRun.reconnect, usedOldEntry: true } });
    expect(judge([faultRun, on], hold)).toBe('not-fixed');
  });

  it('is "not-fixed" if the earlier entry of a returning session is still cached', () => {
    const on = runWith('on', fixRun.logons, { reconnect: { ...fixRun.reconnect, oldEntryGone: false } });
    expect(judge([faultRun, on], hold)).toBe('not-fixed');
  });

  it('is never "fixed" after only one run', () => {
    expect(judge([faultRun], hold)).toBe('not-fixed');
    expect(judge([fixRun], hold)).toBe('not-reproduced');
  });

  it('allows slow logons twice their usual time', () => {
    const slow = { durationMs: 500, endMs: 501 };
    const baseline = [freeLogon(2, slow), freeLogon(3, slow)];
    const on = runWith('on', [freeLogon(2, slow), freeLogon(3, slow)], { baseline });
    expect(judge([faultRun, on], hold)).toBe('fixed');
  });
});
