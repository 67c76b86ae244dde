/**
 * Finds the parts of a rig: pcscd, the vpcd driver, the PC/SC client library and a few system tools.
 *
 * Installed packages come first. scripts/setup unpacks packages that it may not install into a private directory,
 * `.cache/packages` of the project. The environment variable PCSC_BRIDGE_PACKAGES names another directory, which comes
 * before the system's.
 *
 * PCSC_BRIDGE_PCSCD_ROOT names the root directory of another Linux system, such as debootstrap makes. pcscd and the
 * driver are then that system's and run with its C library; all other parts stay this system's.
 */
import { accessSync, constants, readdirSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RigError } from './error.js';

export interface Parts {
  pcscd: string;
  /** The prefix of pcscd's command line: the dynamic loader of the system it comes from, and its options. */
  loader: string[];
  /** vpcd's driver, libifdvpcd.so. */
  driver: string;
  /** Path of libpcsclite.so.1, if the loader would not find it. */
  library?: string;
  /** Directories of private packages the loader must search, for LD_LIBRARY_PATH. */
  libraryPath: string[];
  unshare?: string;
}

export interface PartsSearch {
  /** Directories that hold an unpacked system, searched in this order; '/' is the system itself. */
  roots?: readonly string[];
  /**
   * The root directory of the system that pcscd and the driver come from, if not `roots`.
   *
   * @default PCSC_BRIDGE_PCSCD_ROOT, if `roots` is not given either.
   */
  daemonRoot?: string;
  /** The PATH to search before each root's own directories. */
  path?: string;
}

/** The directory scripts/setup unpacks packages into when it may not install them. */
export function packagesDirectory(): string {
  return (
    process.env['PCSC_BRIDGE_PACKAGES'] || fileURLToPath(new URL('../../../.cache/packages', import.meta.url))
  );
}

/** @throws {RigError} RIG_PARTS_MISSING, with the names of all missing packages. */
export function findParts(search: PartsSearch = {}): Parts {
  const roots = search.roots ?? defaultRoots();
  const daemonRoot = search.daemonRoot ?? (search.roots ? undefined : process.env['PCSC_BRIDGE_PCSCD_ROOT']);
  const daemonRoots = daemonRoot ? [daemonRoot] : roots;
  const path = (search.path ?? process.env['PATH'] ?? '').split(delimiter).filter(Boolean);
  const programs = [...path, ...roots.flatMap((root) => PROGRAM_DIRECTORIES.map((dir) => join(root, dir)))];

  const pcscd = firstFile(
    [
      ...daemonRoots.flatMap((root) => PROGRAM_DIRECTORIES.map((dir) => join(root, dir))),
      ...(daemonRoot ? [] : path),
    ].map((dir) => join(dir, 'pcscd')),
    constants.X_OK,
  );
  const loader = daemonRoot ? loaderOf(daemonRoot) : [];
  const driver = firstFile(
    daemonRoots.flatMap((root) => [
      join(root, 'usr/lib/pcsc/drivers/serial/libifdvpcd.so'),
      join(root, 'usr/local/lib/pcsc/drivers/serial/libifdvpcd.so'),
      ...libraryDirectories(root).map((dir) => join(dir, 'pcsc/drivers/serial/libifdvpcd.so')),
    ]),
  );
  const library = firstFile(
    roots.flatMap((root) => libraryDirectories(root).map((dir) => join(dir, 'libpcsclite.so.1'))),
  );
  const tool = (name: string) =>
    firstFile(
      programs.map((dir) => join(dir, name)),
      constants.X_OK,
    );

  if (daemonRoot && !(pcscd && driver && loader)) {
    const names = [pcscd ? '' : 'pcscd', driver ? '' : 'vsmartcard-vpcd', loader ? '' : 'libc6'].filter(
      Boolean,
    );
    throw new RigError(
      'RIG_PARTS_MISSING',
      `The system in ${daemonRoot} lacks packages that a rig needs: ${names.join(', ')}.`,
    );
  }
  const missing = [
    pcscd ? '' : 'pcscd',
    library || process.env['PCSC_BRIDGE_LIBRARY'] ? '' : 'libpcsclite1',
    driver ? '' : 'vsmartcard-vpcd',
    tool('mount') ? '' : 'mount',
  ].filter(Boolean);
  if (!pcscd || !driver || !loader || missing.length > 0) {
    throw new RigError(
      'RIG_PARTS_MISSING',
      `A rig of virtual readers needs ${missing.length === 1 ? 'a package that is' : 'packages that are'} not installed: ` +
        `${missing.join(', ')}. Install with: apt-get install ${missing.join(' ')} (or run scripts/setup, which needs no root).`,
    );
  }

  const privateRoots = roots.filter((root) => root !== '/');
  const unshare = tool('unshare');
  return {
    pcscd,
    loader,
    driver,
    ...(library && privateRoots.some((root) => library.startsWith(join(root, '/'))) ? { library } : {}),
    libraryPath: privateRoots.flatMap(libraryDirectories),
    ...(unshare ? { unshare } : {}),
  };
}

const PROGRAM_DIRECTORIES = ['usr/sbin', 'usr/bin', 'usr/local/sbin', 'usr/local/bin', 'sbin', 'bin'];

function defaultRoots(): string[] {
  const packages = packagesDirectory();
  return process.env['PCSC_BRIDGE_PACKAGES'] ? [packages, '/'] : ['/', packages];
}

/** How to start a system's programs outside it, with its own libraries; undefined if it has no glibc. */
function loaderOf(root: string): string[] | undefined {
  const directories = libraryDirectories(root);
  const names = ['ld-linux-x86-64.so.2', 'ld-linux-aarch64.so.1'];
  const loader = firstFile(
    directories.flatMap((directory) => names.map((name) => join(directory, name))),
    constants.X_OK,
  );
  return loader ? [loader, '--library-path', directories.join(':')] : undefined;
}

/** The existing library directories of an unpacked system, among them Debian's one per architecture. */
function libraryDirectories(root: string): string[] {
  const bases = ['usr/local/lib', 'usr/lib', 'usr/lib64', 'lib', 'lib64'].map((dir) => join(root, dir));
  return bases.flatMap((base) => {
    try {
      const perArchitecture = readdirSync(base).filter((name) => /-linux-(gnu|musl)/.test(name));
      return [...perArchitecture.map((name) => join(base, name)), base];
    } catch {
      return [];
    }
  });
}

function firstFile(candidates: readonly string[], mode = constants.R_OK): string | undefined {
  return candidates.find((path) => {
    try {
      accessSync(path, mode);
      return statSync(path).isFile();
    } catch {
      return false;
    }
  });
}
