import { expect, it } from 'vitest';
import type { Measurement } from '../../../bench/measure/measure.js';
import { choose, readOptions } from '../../../bench/options.js';

const named = (name: string, ...metrics: string[]): Measurement => ({ name, metrics, run: async () => {} });
const all = [named('speed', 'fast_vs_c', 'slow_vs_c'), named('size', 'rss_mib')];

it('measures everything, with peers, by default', () => {
  expect(readOptions([], all)).toEqual({ json: undefined, quick: false, only: [], peers: true });
  expect(choose(all, [])).toEqual(all);
});

it('accepts several names after --only, of measurements and of figures', () => {
  const { only, json } = readOptions(['--only', 'size', 'slow_vs_c', '--json', 'out.json'], all);
  expect(only).toEqual(['size', 'slow_vs_c']);
  expect(json).toBe('out.json');
  expect(choose(all, ['slow_vs_c']).map(({ name }) => name)).toEqual(['speed']);
});

it('rejects unknown names, and lists the known ones', () => {
  expect(() => readOptions(['--only', 'sped'], all)).toThrow(/nothing measures sped.*speed, fast_vs_c/);
});

it('rejects arguments that belong to no option', () => {
  expect(() => readOptions(['quick'], all)).toThrow('quick is not an option');
  expect(() => readOptions(['--fast'], all)).toThrow(/--fast/);
});
