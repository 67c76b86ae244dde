/** The name of this platform, and where the package is. */
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The directory of the package. It is no `new URL('../..', import.meta.url)`, which webpack takes for a file to copy. */
export const packageRoot = join(fileURLToPath(import.meta.url), '../../..');

/** The name of the platform in the names of packages: `linux-x64`, `linux-x64-musl`, `win32-ia32`. */
export function platformName(): string {
  const { platform, arch } = process;
  return `${platform}-${arch}${platform === 'linux' && usesMusl() ? '-musl' : ''}`;
}

/** Whether the C library of this process is musl, according to the loader in the header of its executable. */
function usesMusl(): boolean {
  const loader = /\/ld-(musl|linux)/.exec(beginningOf(process.execPath))?.[1];
  if (loader) return loader === 'musl';
  // The executable is started by a loader itself, or built for a special prefix (NixOS). Node's report
  // takes milliseconds.
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
