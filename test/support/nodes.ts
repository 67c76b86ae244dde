/** Other versions of Node, from npm packages of their binaries; fetched once into .cache. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const directory = fileURLToPath(new URL('../../.cache/nodes', import.meta.url));

/** The supported release lines. The one that runs the tests is already there. */
export const lines = ['20', '22', '24', '26'];

/** The path of a Node of this line, optionally for another architecture. */
export function nodeOf(line: string, architecture: string = process.arch): string {
  const foreign = architecture !== process.arch;
  if (!foreign && process.versions.node.startsWith(`${line}.`)) return process.execPath;
  const name = foreign ? `node${line}-${architecture}` : `node${line}`;
  return npmBinary(name, `node-linux-${architecture}@${line}`, 'bin/node');
}

/** A program of an npm package, fetched under this name; its install scripts are not run. */
export function npmBinary(name: string, npmPackage: string, path: string): string {
  const home = join(directory, name);
  const binary = join(home, 'node_modules', name, path);
  if (!existsSync(binary)) fetchPackage(home, name, npmPackage);
  return binary;
}

/** Whole at once: another test file may fetch the same package at the same time. */
function fetchPackage(home: string, name: string, npmPackage: string): void {
  mkdirSync(directory, { recursive: true });
  const incomplete = mkdtempSync(`${home}-`);
  // verdaccio asks for node-fetch by a tag that not every registry has.
  writeFileSync(join(incomplete, 'package.json'), '{"overrides": {"node-fetch": "^2.7.0"}}');
  // Installs it even if it is declared for another system, because that system is emulated here.
  const options = ['--prefix', incomplete, '--force', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', ['install', ...options, `${name}@npm:${npmPackage}`], { stdio: 'pipe' });
  try {
    renameSync(incomplete, home);
  } catch (error) {
    rmSync(incomplete, { recursive: true });
    if (!existsSync(home)) throw error;
  }
}
