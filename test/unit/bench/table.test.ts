import { stripVTControlCharacters } from 'node:util';
import { expect, it } from 'vitest';
import { goals, meets } from '../../../bench/goals.js';
import { measurements } from '../../../bench/measure/index.js';
import { Recorder } from '../../../bench/recorder.js';
import { comparisonTable, goalTable } from '../../../bench/table.js';

const standing = (p50: number) => ({
  unit: 'us',
  rounds: 9,
  samples: 900,
  figure: { p10: p50 - 1, p50, p90: p50 + 1 },
  vsC: { p10: 1, p50: p50 / 10, p90: 2 },
});

it('shows each figure beside its goal, and says why one is missing', () => {
  const recorder = new Recorder();
  recorder.metric('apdu5_p50_vs_c', 1.1);
  recorder.metric('eight_cards_vs_c', 0.5);
  recorder.failed('queue8_ms', new Error('the daemon went away'));
  const lines = stripVTControlCharacters(goalTable(recorder.results)).split('\n');
  expect(lines[1]).toMatch(/^apdu5_p50_vs_c +1\.10 x +<= 1\.15 x +met +a 5-byte APDU$/);
  expect(lines[2]).toMatch(/^eight_cards_vs_c +0\.50 x +>= 0\.90 x +missed/);
  expect(lines[3]).toMatch(/^queue8_ms +<= 10\.00 ms +failed +the daemon went away$/);
  expect(lines).toHaveLength(4);
});

it('shows counts as whole numbers without a unit', () => {
  const recorder = new Recorder();
  recorder.metric('sessions1000_failures', 0);
  recorder.metric('sessions1000_contexts', 81);
  const lines = stripVTControlCharacters(goalTable(recorder.results)).split('\n');
  expect(lines[1]).toMatch(/^sessions1000_failures +0 +<= 0 +met/);
  expect(lines[2]).toMatch(/^sessions1000_contexts +81 +<= 80 +missed/);
});

it('lists every library of a comparison, also one that failed', () => {
  const recorder = new Recorder();
  recorder.detail('machine', { cores: 2 });
  recorder.detail('apdu5_p50_vs_c', {
    C: standing(10),
    'pcsc-bridge': standing(11),
    other: { failed: 'crashed' },
  });
  const lines = stripVTControlCharacters(comparisonTable(recorder.results)).split('\n');
  expect(lines[1]).toMatch(/^apdu5 +C +10\.00 us +9\.00 - 11\.00 +1\.00 +1\.00 - 2\.00$/);
  expect(lines[2]).toMatch(/^ +pcsc-bridge +11\.00 us/);
  expect(lines[3]).toMatch(/^ +other +failed: crashed$/);
});

it('has a goal for every measured figure, and measures every goal', () => {
  const measured = measurements.flatMap(({ metrics }) => metrics);
  expect([...measured].sort()).toEqual(goals.map(({ name }) => name).sort());
});

it('supports goals that are met from above and from below', () => {
  const goal = (name: string) => goals.find((candidate) => candidate.name === name) as (typeof goals)[number];
  expect(meets(goal('abort_ms_p99'), 10)).toBe(true);
  expect(meets(goal('abort_ms_p99'), 10.1)).toBe(false);
  expect(meets(goal('eight_cards_vs_c'), 0.9)).toBe(true);
  expect(meets(goal('eight_cards_vs_c'), 0.89)).toBe(false);
});
