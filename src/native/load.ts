/**
 * Finds the addon: the one that was built in this directory, the package of this platform, or the package that compiles it.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot, platformName } from './platform.js';

const require = createRequire(import.meta.url);

const buildsHere = ['Release', 'Debug'].map((kind) => join('build', kind, 'pcsc_bridge.node'));

/**
 * Loads the addon.
 *
 * @throws {AddonMissingError} There is none for this platform, or none that loads.
 */
export function loadAddon(): unknown {
  const platform = platformName();
  const isBuiltHere = buildsHere.some((path) => existsSync(join(packageRoot, path)));
  const failures: string[] = [];
  for (const place of isBuiltHere ? ['build', platform, 'source'] : [platform, 'source']) {
    const { addon, error } = loadFrom(place);
    if (addon !== undefined) return addon;
    failures.push(`${place === 'build' ? place : `@pcsc-bridge/${place}`}: ${firstLine(error)}`);
  }
  throw new AddonMissingError(platform, failures);
}

/**
 * Each package has its literal name, by which bundlers and other tools that collect a program's files find it. They take
 * a package as optional because its name is inside `try`.
 */
function loadFrom(place: string): { addon?: unknown; error?: unknown } {
  try {
    switch (place) {
      case 'build':
        return { addon: require('bindings')({ bindings: 'pcsc_bridge', module_root: packageRoot }) };
      case 'darwin-arm64':
        return { addon: require('@pcsc-bridge/darwin-arm64') };
      case 'darwin-x64':
        return { addon: require('@pcsc-bridge/darwin-x64') };
      case 'linux-arm':
        return { addon: require('@pcsc-bridge/linux-arm') };
      case 'linux-arm64':
        return { addon: require('@pcsc-bridge/linux-arm64') };
      case 'linux-arm64-musl':
        return { addon: require('@pcsc-bridge/linux-arm64-musl') };
      case 'linux-x64':
        return { addon: require('@pcsc-bridge/linux-x64') };
      case 'linux-x64-musl':
        return { addon: require('@pcsc-bridge/linux-x64-musl') };
      case 'win32-arm64':
        return { addon: require('@pcsc-bridge/win32-arm64') };
      case 'win32-ia32':
        return { addon: require('@pcsc-bridge/win32-ia32') };
      case 'win32-x64':
        return { addon: require('@pcsc-bridge/win32-x64') };
      case 'source':
        return { addon: require('@pcsc-bridge/source') };
      default:
        return { error: 'there is no such package' };
    }
  } catch (error) {
    return { error };
  }
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
        `  - In a bundle or a single executable: put node_modules/@pcsc-bridge/${platform} beside it. See docs/hosts.md.`,
      ].join('\n'),
    );
    this.name = 'AddonMissingError';
  }
}

function firstLine(error: unknown): string {
  return String(error instanceof Error ? error.message : error).split('\n', 1)[0] ?? '';
}
