/** How a program that uses the built package is started: by this Node, or by node.exe under Wine. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';

export interface UnderTest {
  platform: 'posix' | 'windows';
  /** What test/fake-pcsc/Makefile calls the stand-in library for it. */
  standIn: string;
  /** The package's directory: its dist and its addon. */
  root: string;
  /** A path, and a file's URL, as the program has them. */
  path(path: string): string;
  url(path: string): string;
  /** Runs an ES module. What it prints goes to the file descriptor: node.exe under Wine has no pipes for it. */
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
 * `node`: a command that runs node.exe with the arguments and the environment it is given, where drive Z: is this
 * file system's root. `root`: a directory with the package's dist and the Windows addon in build/Release.
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
 * What the tests of test/integration/semantics try: the package here, unless PCSC_BRIDGE_TEST_NODE names a command
 * for node.exe; then the package in PCSC_BRIDGE_TEST_PACKAGE.
 */
export function programUnderTest(env: NodeJS.ProcessEnv = process.env): UnderTest {
  const { PCSC_BRIDGE_TEST_NODE: node, PCSC_BRIDGE_TEST_PACKAGE: root } = env;
  if (!node) return here;
  if (!root || !existsSync(`${root}/dist/index.js`)) {
    throw new Error(
      'PCSC_BRIDGE_TEST_PACKAGE must name a directory with dist/index.js and build/Release/pcsc_bridge.node',
    );
  }
  return underWine(node, root);
}
