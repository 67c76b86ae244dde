import { expect, it } from 'vitest';
import { median, percentile, ratios, spread, tidy } from '../../../bench/statistics.js';

it('interpolates percentiles between the two nearest samples', () => {
  expect(percentile([1, 2, 3, 4], 0)).toBe(1);
  expect(percentile([1, 2, 3, 4], 50)).toBe(2.5);
  expect(percentile([1, 2, 3, 4], 100)).toBe(4);
  expect(percentile([7], 99)).toBe(7);
});

it('sorts by number, and leaves the samples unchanged', () => {
  const samples = [100, 9, 20];
  expect(median(samples)).toBe(20);
  expect(samples).toEqual([100, 9, 20]);
});

it('is robust against one outlier', () => {
  expect(median([10, 10, 11, 10, 5000])).toBe(10);
});

it('throws without samples', () => {
  expect(() => median([])).toThrow(RangeError);
});

it('reports the range of the middle 80 %', () => {
  const samples = Array.from({ length: 101 }, (_, index) => index);
  expect(spread(samples)).toEqual({ p10: 10, p50: 50, p90: 90 });
});

it('compares round by round, so that a slow minute of the machine cancels out', () => {
  const baseline = [100, 100, 400, 100];
  const figures = [110, 110, 440, 110];
  const { p10, p50, p90 } = ratios(figures, baseline);
  expect([p10, p50, p90].map((ratio) => ratio.toFixed(3))).toEqual(['1.100', '1.100', '1.100']);
});

it('rejects samples that were not measured side by side', () => {
  expect(() => ratios([1, 2], [1])).toThrow(RangeError);
});

it('keeps four significant digits', () => {
  expect([1.23456, 123456, 0.000123456].map(tidy)).toEqual([1.235, 123500, 0.0001235]);
});
