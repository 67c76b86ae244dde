/** How a program that uses the built package is started: by this Node, or by node.exe under Wine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface UnderTest {
  platform: 'posix' | 'windows';
  /** The name of the stand-in library's build for it in test/fake-pcsc/Makefile. */
  standIn: string;
  /** The package's directory: its dist and its addon. */
  root: string;
  /** A path, and a file's URL, as the program sees them. */
  path(path: string): string;
  url(path: string): string;
  /**
   * Runs an ES module. Its output goes to the file descriptor, because node.exe under Wine does not support pipes for
   * it.
   */
  start(module: string, env: NodeJS.ProcessEnv, output: number): ChildProcess;
}

/** Starts a command with a module as its last argument. */
export function start(
  [command = '', ...before]: string[],
  module: string,
  env: NodeJS.ProcessEnv,
  output: number,
): ChildProcess {
  return spawn(command, [...before, module], {
    env: { ...process.env, ...env },
    stdio: ['ignore', output, output],
    detached: true, // with whatever Wine's wrapper starts, so that all of it can be ended
  });
}

const here: UnderTest = {
  platform: 'posix',
  standIn: 'linux',
  root: fileURLToPath(new URL('../../', import.meta.url)),
  path: (path) => path,
  url: (path) => String(pathToFileURL(path)),
  start: (module, env, output) => start([process.execPath], module, env, output),
};

/**
 * `node`: a command that runs node.exe with the given arguments and environment; drive Z: is this file system's root.
 * `root`: a directory with the package's dist and, in node_modules, the package that has the Windows addon.
 */
function underWine(node: string, root: string): UnderTest {
  const path = (posix: string) => `Z:${posix.replaceAll('/', '\\')}`;
  return {
    platform: 'windows',
    standIn: 'win-x64',
    root,
    path,
    url: (posix) => String(pathToFileURL(posix)).replace('file:///', 'file:///Z:/'),
    start: (module, env, output) =>
      start([node], path(module), { WINEDLLOVERRIDES: 'winscard=n', ...env }, output),
  };
}

/**
 * The package that test/integration/semantics tests: this one, unless PCSC_BRIDGE_TEST_NODE names a command for
 * node.exe; then the package in PCSC_BRIDGE_TEST_PACKAGE.
 */
export function programUnderTest(env: NodeJS.ProcessEnv = process.env): UnderTest {
  const { PCSC_BRIDGE_TEST_NODE: node, PCSC_BRIDGE_TEST_PACKAGE: root } = env;
  if (!node) return here;
  if (!root || !existsSync(`${root}/dist/index.js`)) {
    throw new Error(
      'PCSC_BRIDGE_TEST_PACKAGE must name a directory with dist/index.js and node_modules/@pcsc-bridge',
    );
  }
  return underWine(node, root);
}
