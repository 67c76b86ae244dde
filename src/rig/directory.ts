/** The private directories of a rig: where its socket, its configuration and its driver copies live. */
import { mkdir, mkdtemp, readFile, realpath, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RigError } from './error.js';

export interface RigDirectory {
  path: string;
  /** Elsewhere only where `path` is on a file system that forbids execution, such as Docker's /dev/shm. */
  drivers: string;
}

const PREFIX = 'pcsc-bridge-rig-';
const OVERLAYFS = 0x794c7630;
/** sun_path has 108 bytes; the daemon's directory and socket name come after this. */
const LONGEST = 70;

/**
 * Makes directories that only this user can enter (mode 0700).
 *
 * Sockets on overlayfs do not work everywhere, so memory file systems come first and overlayfs last.
 *
 * @param hidden a directory that will not be visible to the daemon.
 */
export async function makeDirectory(hidden?: string): Promise<RigDirectory> {
  const bases = await Promise.all(
    ['/dev/shm', process.env['XDG_RUNTIME_DIR'], tmpdir(), '/tmp', '/var/tmp']
      .filter((base): base is string => !!base?.startsWith('/') && base.length < LONGEST - 25)
      .map(describeBase),
  );
  const usable = bases.filter(({ path }) => path && !(hidden && `${path}/`.startsWith(`${hidden}/`)));
  const preferred = [...usable.filter((base) => !base.overlay), ...usable.filter((base) => base.overlay)];

  const path = await firstTemporary(preferred);
  try {
    const drivers = path.base.noexec
      ? await firstTemporary(preferred.filter((base) => !base.noexec))
      : undefined;
    const directory = { path: path.path, drivers: drivers?.path ?? join(path.path, 'drivers') };
    await mkdir(directory.drivers, { recursive: true });
    return directory;
  } catch (error) {
    await rm(path.path, { recursive: true, force: true });
    throw error;
  }
}

export async function removeDirectory({ path, drivers }: RigDirectory): Promise<void> {
  await Promise.all([path, drivers].map((each) => rm(each, { recursive: true, force: true })));
}

interface Base {
  path: string;
  overlay: boolean;
  noexec: boolean;
}

async function describeBase(base: string): Promise<Base> {
  try {
    const path = await realpath(base);
    const { type } = await statfs(path);
    return { path, overlay: type === OVERLAYFS, noexec: await isNoexec(path) };
  } catch {
    return { path: '', overlay: false, noexec: false };
  }
}

async function isNoexec(path: string): Promise<boolean> {
  let deepest = '';
  let noexec = false;
  for (const line of (await readFile('/proc/self/mounts', 'utf8')).split('\n')) {
    const [, point = '', , options = ''] = line.split(' ');
    const above = point === '/' || path === point || path.startsWith(`${point}/`);
    // Of several mounts on one point the last is the one to see.
    if (point && above && point.length >= deepest.length) {
      deepest = point;
      noexec = options.split(',').includes('noexec');
    }
  }
  return noexec;
}

async function firstTemporary(bases: readonly Base[]): Promise<{ path: string; base: Base }> {
  const failures: string[] = [];
  for (const base of bases) {
    try {
      return { path: await mkdtemp(join(base.path, PREFIX)), base };
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new RigError(
    'RIG_NOT_PERMITTED',
    `No directory for the rig's files: ${failures.join('; ') || 'neither /dev/shm nor /tmp exists'}. Make one of them writable.`,
  );
}
