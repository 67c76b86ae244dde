/**
 * JavaScript hosts of other Linuxes on this one: Node for arm64 in qemu's user mode, Bun for musl (there is no Node for
 * musl on npm). Both run a copy of the package in which nothing was compiled here, so that they load the prebuilt
 * addon.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterAll } from 'vitest';
import { nodeOf, npmBinary } from './nodes.js';
import { start, type UnderTest } from './under-test.js';

const repository = fileURLToPath(new URL('../..', import.meta.url));
const packages = process.env['PCSC_BRIDGE_PACKAGES'] || join(repository, '.cache/packages');

export interface ForeignHost extends UnderTest {
  /** The command that runs a program made for it, the program that runs a module, and the environment of both. */
  launcher: string[];
  runtime: string;
  env: NodeJS.ProcessEnv;
  /** Why it does not run here; undefined if it does. */
  trouble?: string;
  /** A libpcsclite.so.1 that it can load, or why there is none. */
  library: { path: string } | { reason: string };
}

/** Below / or in the directory where scripts/setup unpacks packages. */
function fromPackage(path: string): string {
  return [path, `${packages}${path}`].find(existsSync) ?? path;
}

/** The packages as they are installed on that platform; deleted after the tests. */
function stage(platform: string): string {
  const directory = mkdtempSync(join(tmpdir(), 'foreign-'));
  afterAll(() => rmSync(directory, { recursive: true }));
  for (const name of ['dist', 'package.json']) {
    cpSync(join(repository, name), join(directory, name), { recursive: true });
  }
  const modules = join(directory, 'node_modules');
  const ofPlatform = join(modules, '@pcsc-bridge', platform);
  mkdirSync(ofPlatform, { recursive: true });
  writeFileSync(join(ofPlatform, 'package.json'), '{ "main": "pcsc_bridge.node" }');
  for (const file of ['pcsc_bridge.node', 'pcsc-holder']) {
    symlinkSync(join(repository, 'prebuilds', platform, file), join(ofPlatform, file));
  }
  for (const name of readdirSync(join(repository, 'node_modules'))) {
    symlinkSync(join(repository, 'node_modules', name), join(modules, name));
  }
  return directory;
}

/** The path of this host's library, as its compiler finds it. */
function hostLibrary(name: string): string {
  const path = execFileSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  if (path === name) throw new Error(`this system has no ${name}`);
  return path;
}

function host(standIn: string, launcher: string[], runtime: string, env: NodeJS.ProcessEnv) {
  return {
    platform: 'posix' as const,
    standIn,
    launcher,
    runtime,
    env,
    root: stage(standIn),
    path: (path: string) => path,
    url: (path: string) => String(pathToFileURL(path)),
    start: (module: string, more: NodeJS.ProcessEnv, output: number) =>
      start([...launcher, runtime], module, { ...env, ...more }, output),
  };
}

/** A Node of this line for arm64. */
export function arm64(line: string): ForeignHost {
  const systemRoot = fromPackage('/usr/aarch64-linux-gnu');
  const { status, stdout, stderr } = spawnSync(join(repository, 'scripts/arm64-pcsclite'), {
    encoding: 'utf8',
  });
  return {
    ...host('linux-arm64', ['qemu-aarch64', '-L', systemRoot], nodeOf(line, 'arm64'), {}),
    library: status === 0 ? { path: stdout.trim() } : { reason: stderr.trim() },
  };
}

/**
 * Bun for musl. It needs a libstdc++ for musl, which Debian does not have, so it gets this host's, and test/musl
 * provides the functions of glibc that it needs. This host's libpcsclite can be loaded in the same way.
 */
export function musl(): ForeignHost {
  const bun = npmBinary('bun-musl', '@oven/bun-linux-x64-musl@1.4.5', 'bin/bun');
  const libraries = join(repository, '.cache/musl');
  rmSync(libraries, { recursive: true, force: true });
  mkdirSync(libraries, { recursive: true });
  const names = join(libraries, 'ld-linux-x86-64.so.2');
  const options = ['-target', 'x86_64-linux-musl', '-D_GNU_SOURCE', '-O1', '-shared', '-o', names];
  const source = join(repository, 'test/musl/glibc_names.c');
  execFileSync(join(repository, 'scripts/zig'), ['cc', ...options, source]);
  for (const name of ['libstdc++.so.6', 'libgcc_s.so.1', 'libpcsclite.so.1']) {
    symlinkSync(hostLibrary(name), join(libraries, name));
  }
  const libc = fromPackage('/lib/x86_64-linux-musl/libc.so');
  // Alpine's name of musl, which Bun loads.
  symlinkSync(libc, join(libraries, 'libc.musl-x86_64.so.1'));

  // By default Bun keeps compiled code in the home directory.
  const env = { LD_LIBRARY_PATH: libraries, BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' };
  // Programs find it by the name that the installed package uses, or are started by it.
  const launcher = existsSync('/lib/ld-musl-x86_64.so.1') ? ['env'] : [libc];
  const { status, stderr } = spawnSync(launcher[0] ?? '', [bun, '--version'], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
  return {
    ...host('linux-x64-musl', launcher, bun, env),
    library: { path: join(libraries, 'libpcsclite.so.1') },
    ...(status !== 0 && {
      trouble: `Bun for musl does not start with this system's libstdc++: ${stderr.trim()}`,
    }),
  };
}
