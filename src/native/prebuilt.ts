/** Where the programs and the addon are: built on this machine, or brought by the package. */
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's own directory, with a separator at the end. */
export const packageRoot = fileURLToPath(new URL('../..', import.meta.url));

/** The platform in the names below prebuilds/: `linux-x64`, `linux-x64-musl`, `win32-ia32`. */
export function platformName(): string {
  const { platform, arch } = process;
  return `${platform}-${arch}${platform === 'linux' && usesMusl() ? '-musl' : ''}`;
}

/** A program of ours; undefined where it was neither built here nor brought along. */
export function findProgram(name: string, directories: readonly string[] = ['Release']): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const built = directories.map((directory) => `${packageRoot}build/${directory}/${file}`);
  return [...built, `${packageRoot}prebuilds/${platformName()}/${file}`].find(existsSync);
}

/** Whether this process's C library is musl: by the loader that its program names at its beginning. */
function usesMusl(): boolean {
  const loader = /\/ld-(musl|linux)/.exec(beginningOf(process.execPath))?.[1];
  if (loader) return loader === 'musl';
  // Started by a loader itself, or made for a place of its own (NixOS). Node's report takes milliseconds.
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime === undefined;
}

function beginningOf(path: string): string {
  const bytes = Buffer.alloc(4096);
  const file = openSync(path, 'r');
  try {
    return bytes.toString('latin1', 0, readSync(file, bytes));
  } finally {
    closeSync(file);
  }
}
