/**
 * Finds the addon: the one that was built in this directory, the package of this platform, or the package that compiles it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot, platformName } from './platform.js';

const require = createRequire(import.meta.url);

/** Each package by its literal name: tools that collect the files of a program find it by that. */
const packages: Readonly<Record<string, () => unknown>> = {
  'darwin-arm64': () => require('@pcsc-bridge/darwin-arm64'),
  'darwin-x64': () => require('@pcsc-bridge/darwin-x64'),
  'linux-arm': () => require('@pcsc-bridge/linux-arm'),
  'linux-arm64': () => require('@pcsc-bridge/linux-arm64'),
  'linux-arm64-musl': () => require('@pcsc-bridge/linux-arm64-musl'),
  'linux-x64': () => require('@pcsc-bridge/linux-x64'),
  'linux-x64-musl': () => require('@pcsc-bridge/linux-x64-musl'),
  'win32-arm64': () => require('@pcsc-bridge/win32-arm64'),
  'win32-ia32': () => require('@pcsc-bridge/win32-ia32'),
  'win32-x64': () => require('@pcsc-bridge/win32-x64'),
};

const buildsHere = ['Release', 'Debug'].map((kind) => join('build', kind, 'pcsc_bridge.node'));

/**
 * Loads the addon.
 *
 * @throws {AddonMissingError} There is none for this platform, or none that loads.
 */
export function loadAddon(): unknown {
  if (buildsHere.some((path) => existsSync(join(packageRoot, path)))) {
    return require('bindings')({ bindings: 'pcsc_bridge', module_root: packageRoot });
  }
  const platform = platformName();
  const candidates: [string, (() => unknown) | undefined][] = [
    [`@pcsc-bridge/${platform}`, packages[platform]],
    ['@pcsc-bridge/source', () => require('@pcsc-bridge/source')],
  ];
  const failures: string[] = [];
  for (const [name, load] of candidates) {
    try {
      if (load) return load();
      failures.push(`${name}: there is no such package`);
    } catch (error) {
      failures.push(`${name}: ${firstLine(error)}`);
    }
  }
  throw new AddonMissingError(platform, failures);
}

/** No addon could be loaded: `code` is `BRIDGE_E_ADDON_MISSING`. */
class AddonMissingError extends Error {
  readonly code = 'BRIDGE_E_ADDON_MISSING';

  constructor(platform: string, failures: readonly string[]) {
    super(
      [
        `pcsc-bridge has found no addon for ${platform} that it can load.`,
        ...failures.map((failure) => `  ${failure}`),
        'What helps:',
        '  - npm install --include=optional, if the package of the platform was left out. If node_modules or',
        '    package-lock.json came from another platform, delete both first.',
        '  - npm install @pcsc-bridge/source, which compiles the addon. It needs a C++17 compiler, make and Python.',
        '  - In a bundle: keep pcsc-bridge out of it (external), and install it beside the bundle.',
      ].join('\n'),
    );
    this.name = 'AddonMissingError';
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
}
