/** Finds the programs that belong to the addon: built in this directory, or in a package of this platform. */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { packageRoot, platformName } from './platform.js';

const require = createRequire(import.meta.url);

/** Returns the path of pcsc-holder; undefined if there is none for this platform. */
export function findHolder(): string | undefined {
  return (
    find('pcsc-holder', ['Release'], `@pcsc-bridge/${platformName()}`) ??
    find('build/Release/pcsc-holder', [], '@pcsc-bridge/source')
  );
}

/** Returns the path of pcsc-bridge-agent; undefined if it was not built here and its package is not installed. */
export function findAgent(): string | undefined {
  return find('pcsc-bridge-agent', ['agent', 'Release'], `@pcsc-bridge/agent-${platformName()}`);
}

function find(name: string, directories: readonly string[], packageName: string): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const built = directories
    .map((directory) => join(packageRoot, 'build', directory, file))
    .find((path) => existsSync(path));
  if (built !== undefined) return built;
  try {
    const installed = join(dirname(require.resolve(`${packageName}/package.json`)), file);
    return existsSync(installed) ? installed : undefined;
  } catch {
    return undefined;
  }
}
