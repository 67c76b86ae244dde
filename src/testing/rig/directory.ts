/** Chooses the private directories of a rig: for its socket and configuration, and for its driver copies. */
import { randomBytes } from 'node:crypto';
import { access, constants, readFile, realpath, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import { RigError } from './error.js';

export interface RigDirectory {
  path: string;
  /** Elsewhere only where `path` is on a file system that forbids execution, such as Docker's /dev/shm. */
  drivers: string;
}

const PREFIX = 'pcsc-bridge-rig-';
const OVERLAYFS = 0x794c7630;
/** A socket's path has 108 bytes; our names below the base need up to 60. */
const LONGEST_BASE = 45;
/** What pcscd's configuration can name: its parser ends a path at a space, and takes no umlauts. */
const PLAIN_PATH = /^[\w./+,:@~-]+$/;

/**
 * Returns names for directories that do not exist yet. The supervisor makes and removes them.
 *
 * The base is TMPDIR if the user has set it and pcscd can read its name, else a memory file system. A directory on
 * overlayfs comes last, because sockets do not work there on every kernel.
 *
 * @param hidden - A directory that is not visible to the daemon.
 * @throws {RigError} RIG_NOT_PERMITTED if no base directory is writable.
 */
export async function chooseDirectory(hidden: string): Promise<RigDirectory> {
  const { TMPDIR, XDG_RUNTIME_DIR } = process.env;
  const candidates = [TMPDIR, '/dev/shm', XDG_RUNTIME_DIR, '/tmp', '/var/tmp'];
  const bases: Base[] = [];
  for (const candidate of candidates) {
    const base = candidate?.startsWith('/') ? await describeBase(candidate) : undefined;
    if (base && PLAIN_PATH.test(base.path) && !`${base.path}/`.startsWith(`${hidden}/`)) {
      bases.push(base);
    }
  }
  const preferred = [...bases.filter((base) => !base.overlay), ...bases.filter((base) => base.overlay)];
  const base = preferred.find(({ path }) => path.length <= LONGEST_BASE);
  const executable = base?.noexec ? preferred.find(({ noexec }) => !noexec) : base;
  if (!base || !executable) {
    throw new RigError(
      'RIG_NOT_PERMITTED',
      'A rig needs a directory to write to and to load drivers from, with a short path of ASCII letters and digits: make /dev/shm or /tmp one.',
    );
  }
  const name = PREFIX + randomBytes(6).toString('hex');
  const path = join(base.path, name);
  return { path, drivers: executable === base ? join(path, 'drivers') : join(executable.path, name) };
}

interface Base {
  path: string;
  overlay: boolean;
  noexec: boolean;
}

/** Undefined if this process cannot write there. */
async function describeBase(base: string): Promise<Base | undefined> {
  try {
    const path = await realpath(base);
    await access(path, constants.W_OK | constants.X_OK);
    const { type } = await statfs(path);
    return { path, overlay: type === OVERLAYFS, noexec: await isNoexec(path) };
  } catch {
    return undefined;
  }
}

async function isNoexec(path: string): Promise<boolean> {
  let deepest = '';
  let noexec = false;
  for (const line of (await readFile('/proc/self/mounts', 'utf8')).split('\n')) {
    const [, point = '', , options = ''] = line.split(' ');
    const above = point === '/' || path === point || path.startsWith(`${point}/`);
    // Of several mounts on one point the last one is visible.
    if (point && above && point.length >= deepest.length) {
      deepest = point;
      noexec = options.split(',').includes('noexec');
    }
  }
  return noexec;
}
