/** A headless Chromium for tests of pages: the system's, or the one that scripts/setup unpacked. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { packagesDirectory } from '../../src/rig/parts.js';

const packages = packagesDirectory();
const unpacked = join(packages, 'usr/lib/chromium/chromium');
const installed = ['/usr/bin/chromium', '/usr/bin/google-chrome', '/usr/bin/google-chrome-stable'].find(
  existsSync,
);

const args = [
  '--no-sandbox', // it shows our own pages, and as root there is no sandbox
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** An unpacked browser has its fonts beside it, where nobody looks unless told. */
function unpackedEnvironment(): Record<string, string> {
  const fonts = join(packages, 'etc/fonts');
  const env = Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return existsSync(fonts) && !existsSync('/etc/fonts')
    ? { ...env, FONTCONFIG_PATH: fonts, XDG_DATA_HOME: join(packages, 'usr/share') }
    : env;
}

/** A browser with a fresh profile, or why there is none. An installed one that does not start is an error. */
export async function startBrowser(): Promise<{ browser?: Browser; reason: string }> {
  if (installed) return { browser: await chromium.launch({ executablePath: installed, args }), reason: '' };
  if (!existsSync(unpacked)) return { reason: ' (skipped: package chromium not installed)' };
  try {
    const env = unpackedEnvironment();
    return { browser: await chromium.launch({ executablePath: unpacked, args, env }), reason: '' };
  } catch {
    return { reason: ` (skipped: chromium does not start from ${packages}; install the package chromium)` };
  }
}
