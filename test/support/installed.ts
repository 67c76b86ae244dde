/** A project of a user in which the packed packages are installed, as npm unpacks them. */
import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { root } from './documentation.js';
import { pack } from './pack.js';

export const platform = `linux-${process.arch}`;

/** Returns the directory, which is deleted after the tests. It is empty but for package.json and node_modules. */
export function makeInstalledProject(...packages: ('pcsc-bridge' | typeof platform)[]): string {
  const project = mkdtempSync(join(tmpdir(), 'installed-'));
  afterAll(() => rmSync(project, { recursive: true }));
  writeFileSync(join(project, 'package.json'), '{}');
  const tarballs = join(project, 'tarballs');
  if (packages.includes(platform)) {
    execFileSync(join(root, 'scripts/prebuild'), [platform], { stdio: 'pipe' });
  }
  for (const file of pack(tarballs, ...packages)) {
    const tarball = join(tarballs, file);
    const manifest = execFileSync('tar', ['-xzOf', tarball, 'package/package.json'], { encoding: 'utf8' });
    const directory = join(project, 'node_modules', JSON.parse(manifest).name);
    mkdirSync(directory, { recursive: true });
    execFileSync('tar', ['-xzf', tarball, '--strip-components=1', '-C', directory]);
  }
  rmSync(tarballs, { recursive: true });
  return project;
}

/** Puts the package of the platform beside a program that was made in the project, into `directory`. */
export function shipPlatform(project: string, directory: string): void {
  const packages = 'node_modules/@pcsc-bridge';
  cpSync(join(project, packages), join(directory, packages), { recursive: true });
}

/**
 * Runs a program to its end. The process of the test goes on, because its virtual cards answer the program. A status of null
 * means that it took more than 20 seconds.
 */
export function runIn(
  directory: string,
  program: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string; status: number | null }> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { cwd: directory, timeout: 20_000 }, (_, stdout, stderr) =>
      resolve({ stdout, stderr, status: child.exitCode }),
    );
  });
}

/** Makes programs available to `npx` in a project, by their names. */
export function addPrograms(project: string, programs: Readonly<Record<string, string>>): void {
  const directory = join(project, 'node_modules/.bin');
  mkdirSync(directory, { recursive: true });
  for (const [name, path] of Object.entries(programs)) symlinkSync(path, join(directory, name));
}
