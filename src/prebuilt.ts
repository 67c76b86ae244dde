/** Where the programs and the addon are: built on this machine, or brought by the package. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** The package's own directory, with a separator at the end. */
export const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** The platform in the names below prebuilds/: `linux-x64`, `linux-x64-musl`, `win32-ia32`. */
export function platformName(): string {
  const { platform, arch } = process;
  return `${platform}-${arch}${platform === 'linux' && !usesGlibc() ? '-musl' : ''}`;
}

/** A program of ours; undefined where it was neither built here nor brought along. */
export function findProgram(name: string, directories: readonly string[] = ['Release']): string | undefined {
  const file = process.platform === 'win32' ? `${name}.exe` : name;
  const built = directories.map((directory) => `${packageRoot}build/${directory}/${file}`);
  return [...built, `${packageRoot}prebuilds/${platformName()}/${file}`].find(existsSync);
}

function usesGlibc(): boolean {
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return report.header?.glibcVersionRuntime !== undefined;
}
