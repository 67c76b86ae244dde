import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { type Controllable, controlCode } from '../../src/ccid/index.js';
import { findParts } from '../../src/testing/rig/parts.js';

const source = fileURLToPath(new URL('pin-pad-driver.c', import.meta.url));
const packages = fileURLToPath(new URL('../../.cache/packages', import.meta.url));
const headers = ['/usr/include/PCSC', join(packages, 'usr/include/PCSC')];

/**
 * Builds the driver of readers with PIN pads. For `Rig`, returns the directory that is searched before vpcd's own.
 * Undefined without a C compiler, or without the headers of pcsc-lite.
 */
export function buildPinPadDriver(): { roots: string[] } | undefined {
  const include = headers.find((path) => existsSync(join(path, 'ifdhandler.h')));
  if (include === undefined || spawnSync('cc', ['--version']).status !== 0) return undefined;
  const root = mkdtempSync(join(tmpdir(), 'pcsc-bridge-driver-'));
  afterAll(() => rmSync(root, { recursive: true }));
  const directory = join(root, 'usr/lib/pcsc/drivers/serial');
  mkdirSync(directory, { recursive: true });
  // The loader looks for vpcd's driver under the name that it was built with. It gets a copy, because a rig
  // hides the system's own.
  const { driver } = findParts();
  const described = execFileSync('readelf', ['-d', driver], { encoding: 'utf8' });
  const vpcd = join(root, /SONAME.*\[(.+)\]/.exec(described)?.[1] ?? 'vpcd.so');
  copyFileSync(driver, vpcd);
  execFileSync('cc', [
    ...['-std=gnu11', '-O1', '-Wall', '-Wextra', '-Werror', '-shared', '-fPIC', `-isystem${include}`],
    ...['-o', join(directory, 'libifdvpcd.so'), source, vpcd, `-Wl,-rpath,${root}`],
  ]);
  return { roots: [root, '/', packages] };
}

/** What the user types at the next prompt; nothing cancels. */
export async function willType(card: Controllable, ...pins: string[]): Promise<void> {
  await card.control(controlCode(1), new TextEncoder().encode(pins.map((pin) => `${pin}\0`).join('')));
}
