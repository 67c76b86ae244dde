/** A headless Chromium for tests of pages: the installed one, or the one that scripts/setup unpacked. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { packagesDirectory } from '../../src/testing/rig/parts.js';

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

/** Its own home directory and fonts. An unpacked browser has them beside it, where they are not found by default. */
function environment(home: string): Record<string, string> {
  const set = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  const env = { ...Object.fromEntries(set), HOME: home, XDG_CONFIG_HOME: home, XDG_CACHE_HOME: home };
  const fonts = join(packages, 'etc/fonts');
  return existsSync(fonts) && !existsSync('/etc/fonts')
    ? { ...env, FONTCONFIG_PATH: fonts, XDG_DATA_HOME: join(packages, 'usr/share') }
    : env;
}

async function launch(executablePath: string): Promise<Browser> {
  const home = mkdtempSync(join(tmpdir(), 'browser-'));
  const forget = () => rmSync(home, { recursive: true, maxRetries: 5 });
  try {
    const browser = await chromium.launch({ executablePath, args, env: environment(home) });
    return browser.on('disconnected', forget);
  } catch (error) {
    forget();
    throw error;
  }
}

/**
 * A browser with a fresh profile, or the reason why there is none. If an installed one does not start, that is an
 * error.
 */
export async function startBrowser(): Promise<{ browser?: Browser; reason: string }> {
  if (installed) return { browser: await launch(installed), reason: '' };
  if (!existsSync(unpacked)) return { reason: ' (skipped: package chromium not installed)' };
  try {
    return { browser: await launch(unpacked), reason: '' };
  } catch {
    return { reason: ` (skipped: chromium does not start from ${packages}; install the package chromium)` };
  }
}
