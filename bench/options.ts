/** The command line. */
import { parseArgs } from 'node:util';
import type { Measurement } from './measure/measure.js';

export interface Options {
  json: string | undefined;
  quick: boolean;
  only: string[];
  peers: boolean;
}

export const usage = `usage: npm run bench -- [--json FILE] [--quick] [--only NAME...] [--no-peers]

  --json FILE    write the figures and how they came about
  --quick        fewer samples: about a minute
  --only NAME    this measurement, or this figure, only; more than one may be named
  --no-peers     C and pcsc-bridge alone; installs nothing`;

/** @throws {TypeError} For what cannot be understood. */
export function readOptions(args: readonly string[], measurements: readonly Measurement[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true, default: [] },
      'no-peers': { type: 'boolean', default: false },
    },
    allowPositionals: true, // further names after --only
  });
  const only = [...values.only, ...positionals];
  if (positionals.length > 0 && values.only.length === 0) {
    throw new TypeError(`${positionals[0]} is not an option`);
  }
  const known = new Set(measurements.flatMap(({ name, metrics }) => [name, ...metrics]));
  for (const name of only) {
    if (!known.has(name)) throw new TypeError(`nothing measures ${name}: there are ${[...known].join(', ')}`);
  }
  return { json: values.json, quick: values.quick, only, peers: !values['no-peers'] };
}

/** Those that bring a wanted figure; all, where none is named. */
export function choose(measurements: readonly Measurement[], only: readonly string[]): Measurement[] {
  if (only.length === 0) return [...measurements];
  return measurements.filter(({ name, metrics }) =>
    only.some((wanted) => wanted === name || metrics.includes(wanted)),
  );
}
