/** The npm packages, as scripts/pack.mjs makes them. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { root } from './documentation.js';

/** Packs these (see scripts/pack.mjs) into the directory. Returns the names of the files, in order. */
export function pack(directory: string, ...names: string[]): string[] {
  const program = [join(root, 'scripts/pack.mjs'), '--into', directory, ...names];
  const output = execFileSync(process.execPath, program, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return output
    .trim()
    .split('\n')
    .map((line) => line.replace(/: .*/, ''));
}
