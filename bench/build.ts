/** Compiles the programs in C. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { findParts, packagesDirectory } from 'pcsc-bridge/rig';

const run = promisify(execFile);

/** @throws {Error} Where there is no compiler, or no header of pcsc-lite. */
export async function buildNative(): Promise<void> {
  const { libraryPath } = findParts();
  const include = ['/usr/include', join(packagesDirectory(), 'usr/include')].find((path) =>
    existsSync(join(path, 'PCSC/winscard.h')),
  );
  if (!include) {
    throw new Error(
      "The C program needs pcsc-lite's headers: apt-get install libpcsclite-dev (or scripts/setup --test).",
    );
  }
  const directory = fileURLToPath(new URL('../native', import.meta.url));
  const linker = libraryPath.map((path) => `-L${path}`).join(' ');
  await run('make', ['-s', '-C', directory, `INCLUDE=${include}`, `LDFLAGS=${linker}`]);
}
