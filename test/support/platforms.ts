/** The platforms of the npm packages (scripts/platforms.json), and which of them are built. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './documentation.js';

export interface Platform {
  name: string;
  os: string;
  cpu: string;
  libc?: string;
  /** Every run of the tests builds it; see scripts/prebuild. */
  eachRun?: boolean;
}

export const platforms: Platform[] = JSON.parse(readFileSync(join(root, 'scripts/platforms.json'), 'utf8'));

const prebuild = (...parameters: string[]) =>
  execFileSync(join(root, 'scripts/prebuild'), parameters, { encoding: 'utf8', stdio: 'pipe' });

/**
 * Builds those for this system that every run builds, which takes minutes if they do not exist yet. Returns these, and
 * those of the others that are up to date: compilers for Windows are not everywhere.
 */
export function buildPlatforms(names: readonly string[]): Set<string> {
  const chosen = platforms.filter(({ name }) => names.includes(name));
  const isBuiltHere = ({ os, eachRun }: Platform) => eachRun === true && os === process.platform;
  const built = chosen.filter(isBuiltHere).map(({ name }) => name);
  const others = chosen.filter((platform) => !isBuiltHere(platform)).map(({ name }) => name);
  if (built.length > 0) prebuild(...built);
  const upToDate = others.length > 0 ? prebuild('--up-to-date', ...others) : '';
  return new Set([...built, ...upToDate.split('\n').filter(Boolean)]);
}

/** Why the tests of a platform are skipped. */
export const notBuilt = (name: string) => `not built from the present sources: scripts/prebuild ${name}`;
