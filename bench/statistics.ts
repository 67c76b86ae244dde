/** What is made of samples: percentiles, and ratios of what was measured side by side. */

/** Where the middle 80 % lie. */
export interface Spread {
  p10: number;
  p50: number;
  p90: number;
}

/** The p-th percentile (0 to 100), interpolated between the two nearest samples. */
export function percentile(samples: readonly number[], p: number): number {
  if (samples.length === 0) throw new RangeError('no samples');
  const sorted = Float64Array.from(samples).sort();
  const place = ((sorted.length - 1) * p) / 100;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below + (above - below) * (place - Math.floor(place));
}

export function median(samples: readonly number[]): number {
  return percentile(samples, 50);
}

export function spread(samples: readonly number[]): Spread {
  return { p10: percentile(samples, 10), p50: median(samples), p90: percentile(samples, 90) };
}

/**
 * Round by round, one figure over the other: what disturbs the machine for longer than a round disturbs both,
 * and drops out. The median of these ratios is the figure to quote, their spread says how far to trust it.
 */
export function ratios(figures: readonly number[], baseline: readonly number[]): Spread {
  if (figures.length !== baseline.length) {
    throw new RangeError(`${figures.length} rounds cannot be compared with ${baseline.length}`);
  }
  return spread(figures.map((figure, round) => figure / (baseline[round] as number)));
}

/** Rounded for people and files: four digits that count. */
export function tidy(value: number): number {
  return Number(value.toPrecision(4));
}
