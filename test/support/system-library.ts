import { existsSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian, Fedora and Alpine install libraries; first the directory where scripts/test has unpacked some. */
const directories = [
  ...(process.env['LD_LIBRARY_PATH'] ?? '').split(':').filter((directory) => directory !== ''),
  `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`,
  '/usr/lib64',
  '/usr/lib',
];

/** The path of a library of the system, such as `opensc-pkcs11.so`; undefined if it is not installed. */
export function systemLibrary(name: string): string | undefined {
  return directories.map((directory) => join(directory, name)).find((path) => existsSync(path));
}
