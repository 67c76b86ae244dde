/**
 * JavaScript hosts of other Linuxes on this one: Node and Bun for other architectures in qemu's user mode, Bun for musl (there
 * is no Node for musl on npm). All run a copy of the package in which nothing was compiled here, so that they load the
 * prebuilt addon.
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
import { basename, join } from 'node:path';
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

/** A file of Debian's package for another architecture, or why there is none. */
function foreignFile(
  architecture: string,
  name: string,
  path: string,
): { path: string } | { reason: string } {
  const program = join(repository, 'scripts/foreign-package');
  const { status, stdout, stderr } = spawnSync(program, [architecture, name], { encoding: 'utf8' });
  return status === 0 ? { path: join(stdout.trim(), path) } : { reason: stderr.trim() };
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
  const runtime = nodeOf(line, 'arm64');
  return emulated('linux-arm64', 'qemu-aarch64', 'aarch64-linux-gnu', 'arm64', runtime);
}

/** Node 20.11 for ARMv7: npm has no newer one. */
export function arm(): ForeignHost {
  return emulated('linux-arm', 'qemu-arm', 'arm-linux-gnueabihf', 'armhf', nodeOf('20', 'armv7l'));
}

/** @param triple - The name of the architecture in Debian's directories. */
function emulated(
  platform: string,
  qemu: string,
  triple: string,
  architecture: string,
  runtime: string,
): ForeignHost {
  return {
    ...host(platform, [qemu, '-L', fromPackage(`/usr/${triple}`)], runtime, {}),
    library: foreignFile(architecture, 'libpcsclite1', `usr/lib/${triple}/libpcsclite.so.1`),
  };
}

/** By default Bun keeps compiled code in the home directory. */
const keepsNothing = { BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0' };

/**
 * A directory of libraries for a Bun for musl. It needs a libstdc++ for musl, which Debian does not have, so it gets the
 * one for glibc, and test/musl provides the functions of glibc that it needs. libpcsclite for glibc can be loaded in the
 * same way.
 *
 * @param processor - Its name in the names of musl.
 * @param loader - The name of glibc's loader, which test/musl gets.
 */
function librariesFor(processor: string, loader: string, libc: string, libraries: readonly string[]): string {
  const directory = join(repository, '.cache/musl', processor);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const options = ['-target', `${processor}-linux-musl`, '-D_GNU_SOURCE', '-O1', '-shared'];
  const files = ['-o', join(directory, loader), join(repository, 'test/musl/glibc_names.c')];
  execFileSync(join(repository, 'scripts/zig'), ['cc', ...options, ...files], { stdio: 'pipe' });
  for (const path of libraries) symlinkSync(path, join(directory, basename(path)));
  // Alpine's name of musl, which Bun loads.
  symlinkSync(libc, join(directory, `libc.musl-${processor}.so.1`));
  return directory;
}

/** The path of this host's library, as its compiler finds it. */
function hostLibrary(name: string): string {
  const path = execFileSync('c++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();
  if (path === name) throw new Error(`this system has no ${name}`);
  return path;
}

/** Bun for musl on x64. */
export function muslX64(): ForeignHost {
  const bun = npmBinary('bun-musl', '@oven/bun-linux-x64-musl@1.4.5', 'bin/bun');
  const libc = fromPackage('/lib/x86_64-linux-musl/libc.so');
  const names = ['libstdc++.so.6', 'libgcc_s.so.1', 'libpcsclite.so.1'];
  const directory = librariesFor('x86_64', 'ld-linux-x86-64.so.2', libc, names.map(hostLibrary));
  // Programs find it by the name that the installed package uses, or are started by it.
  const launcher = existsSync('/lib/ld-musl-x86_64.so.1') ? ['env'] : [libc];
  return withTrouble({
    ...host('linux-x64-musl', launcher, bun, { LD_LIBRARY_PATH: directory, ...keepsNothing }),
    library: { path: join(directory, 'libpcsclite.so.1') },
  });
}

/** Bun for musl on arm64. */
export function muslArm64(): ForeignHost {
  const bun = npmBinary('bun-arm64-musl', '@oven/bun-linux-aarch64-musl@1.4.5', 'bin/bun');
  const library = foreignFile('arm64', 'libpcsclite1', 'usr/lib/aarch64-linux-gnu/libpcsclite.so.1');
  const root = foreignFile('arm64', 'musl', '');
  if ('reason' in root) {
    return { ...host('linux-arm64-musl', [], bun, keepsNothing), library, trouble: root.reason };
  }
  const libc = join(root.path, 'lib/aarch64-linux-musl/libc.so');
  const names = ['libstdc++.so.6', 'libgcc_s.so.1'];
  const libraries = names.map((name) => fromPackage(`/usr/aarch64-linux-gnu/lib/${name}`));
  const loader = 'ld-linux-aarch64.so.1';
  const directory = librariesFor('aarch64', loader, libc, libraries);
  // On arm64 libstdc++ does not name the loader among what it needs. The variables are for the program, not for qemu.
  const variables = [`LD_LIBRARY_PATH=${directory}`, `LD_PRELOAD=${join(directory, loader)}`];
  const launcher = ['qemu-aarch64', '-L', root.path, ...variables.flatMap((variable) => ['-E', variable])];
  return withTrouble({ ...host('linux-arm64-musl', launcher, bun, keepsNothing), library });
}

/** The host, with the reason if its runtime does not start. */
function withTrouble(host: ForeignHost): ForeignHost {
  const [program = '', ...before] = host.launcher;
  const { status, stderr } = spawnSync(program, [...before, host.runtime, '--version'], {
    env: { ...process.env, ...host.env },
    encoding: 'utf8',
  });
  if (status === 0) return host;
  return { ...host, trouble: `Bun for musl does not start with Debian's libstdc++: ${stderr.trim()}` };
}
