/** Other versions of Node, from npm's packages of their binaries; fetched once into .cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../../.cache/nodes', import.meta.url));

/** The lines that are supported: the one that runs the tests is there already. */
export const lines = ['20', '22', '24', '26'];

/** The path of a Node of this line. */
export function nodeOf(line: string): string {
  if (process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const binary = join(directory, 'node_modules', `node${line}`, 'bin', 'node');
  if (!existsSync(binary)) {
    mkdirSync(directory, { recursive: true });
    const name = `node${line}@npm:node-linux-${process.arch}@${line}`;
    const options = ['--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...options, name], { stdio: 'pipe' });
  }
  return binary;
}
