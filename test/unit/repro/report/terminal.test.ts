import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { terminalReport } from '../../../../src/tools/repro/report/terminal.js';
import { blockedLogon, faultRun, fixRun, resultWith, runWith } from '../example-result.js';

const text = (...args: Parameters<typeof terminalReport>) =>
  stripVTControlCharacters(terminalReport(...args));

it('draws a lane per session: held, waiting, logging on', () => {
  const lines = text(resultWith([faultRun, fixRun], 'fixed'), 100).split('\n');
  const lanes = lines.filter((line) => /^session \d/.test(line));
  expect(lanes).toHaveLength(6);
  expect(lanes[0]).toMatch(/^session 1 █{44,45} +card held by another process for 3\.00 s/);
  expect(lanes[1]).toMatch(/^session 2 ░{43,45}▓ +logged on after 3\.02 s, blocked by session 1/);
  expect(lanes[4]).toMatch(/^session 2 ▓ +logged on after 20 ms/);
});

it('ends with the verdict as a sentence', () => {
  expect(
    text(resultWith([faultRun, fixRun], 'fixed'))
      .trimEnd()
      .split('\n')
      .at(-1),
  ).toMatch(/^Fixed: /);
  expect(text(resultWith([faultRun], 'not-fixed'))).toMatch(/\nThe fault is present: /);
  expect(text(resultWith([fixRun], 'not-reproduced'))).toMatch(/\nNo logon was blocked with the filter on; /);
});

it('reports why a logon failed', () => {
  const failed = runWith('off', [blockedLogon(2, { ok: false, error: 'the card was taken out' })]);
  expect(text(resultWith([failed], 'not-reproduced'))).toContain('failed: the card was taken out');
});

it('reports the entry that a returning session was given', () => {
  const report = text(resultWith([faultRun, fixRun], 'fixed'));
  expect(report).toContain("got the card that the session's earlier connection had opened");
  expect(report).toContain('its earlier entry was not used and is gone');
});

it('fits the width if that is possible', () => {
  const lengths = text(resultWith([faultRun, fixRun], 'fixed'), 80)
    .split('\n')
    .filter((line) => line.startsWith('session'))
    .map((line) => line.trimEnd().length);
  expect(Math.max(...lengths)).toBeLessThanOrEqual(80);
});
