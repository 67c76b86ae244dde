/**
 * Isolates pcscd, although the path of its socket is compiled in.
 *
 * - 'namespace': a mount namespace in which the rig's directory covers pcscd's. It needs no root if user namespaces are
 *   permitted. The drivers of real readers are hidden too: a rig never touches them.
 * - 'socket': if namespaces are refused (mostly in containers), pcscd gets a listening socket with a path of the rig,
 *   by systemd's protocol. pcscd must be able to create its compiled-in directory, so this needs root, or a host on
 *   which that directory exists. pcscd writes its pid file there, so no other pcscd may run. Real USB readers are *not*
 *   hidden: plug none in while such a rig runs.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, dirname } from 'node:path';
import { promisify } from 'node:util';
import { RigError } from './error.js';
import type { PcscdFeatures } from './pcscd.js';

export type Isolation = 'namespace' | 'socket';

export interface Launch {
  isolation: Isolation;
  /** The prefix of pcscd's command line; it ends with exec. */
  command: string[];
  /** The directory outside the rig's in which pcscd leaves its pid file; '' for none. */
  leftover: string;
}

/** Where the rig keeps what the daemon sees as its compiled-in directory. */
export interface Place {
  /** Becomes the parent of `ipc` if the compiled-in directory does not exist. */
  run: string;
  ipc: string;
  socket: string;
  /** An empty directory, mounted over directories to hide them. */
  empty: string;
}

export function placeIn(directory: string, features: PcscdFeatures): Place {
  const ipc = `${directory}/run/${basename(features.ipcDirectory)}`;
  return { run: `${directory}/run`, ipc, socket: `${ipc}/pcscd.comm`, empty: `${directory}/empty` };
}

/** The directory a 'namespace' rig covers, and in which its own directory therefore must not lie. */
export function coveredDirectory(features: PcscdFeatures): string {
  return existsSync(features.ipcDirectory) ? features.ipcDirectory : dirname(features.ipcDirectory);
}

const ENTER = `
set -e
from=$1 to=$2 empty=$3 usb=$4; shift 4
mount --bind "$from" "$to"
if [ -d "$usb" ]; then mount --bind "$empty" "$usb"; fi
`;

/** pcscd dies with the supervisor. Comes last because entering a user namespace takes the setting back. */
const EXEC = `
if setpriv --pdeathsig KILL true 2>/dev/null; then exec setpriv --pdeathsig KILL "$@"; fi
exec "$@"
`;

const LISTEN = `
use strict; use Socket;
my $path = shift;
unlink $path;
$^F = 1000;
socket(my $listener, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!";
bind($listener, sockaddr_un($path)) or die "bind $path: $!";
listen($listener, 128) or die "listen: $!";
if (fileno($listener) != 3) {
  require POSIX;
  POSIX::dup2(fileno($listener), 3) or die "dup2: $!";
}
@ENV{"LISTEN_FDS", "LISTEN_PID"} = (1, $$);
exec @ARGV or die "exec: $!";
`;

const run = promisify(execFile);

/**
 * Finds out, by trying, how this process can isolate a daemon.
 *
 * @param wanted - Only this kind of isolation.
 * @throws {RigError} RIG_NOT_PERMITTED if no kind of isolation works.
 */
export async function findLaunch(
  features: PcscdFeatures,
  place: Place,
  unshare: string | undefined,
  env: NodeJS.ProcessEnv,
  wanted?: Isolation,
): Promise<Launch> {
  const refusals: string[] = [];
  if (wanted !== 'socket') {
    const [from, to] = existsSync(features.ipcDirectory)
      ? [place.ipc, features.ipcDirectory]
      : [place.run, dirname(features.ipcDirectory)];
    const inside = [from, to, place.empty, features.usbDirectory];
    const ways = process.getuid?.() === 0 ? ['-m', '-Urm'] : ['-Urm'];
    for (const flags of unshare ? ways : []) {
      const enter = [unshare as string, flags, '/bin/sh', '-c'];
      try {
        await run(enter[0] as string, [...enter.slice(1), `${ENTER}exec "$@"`, 'sh', ...inside, 'true'], {
          env,
        });
        return { isolation: 'namespace', command: [...enter, ENTER + EXEC, 'sh', ...inside], leftover: '' };
      } catch (error) {
        const { stderr, message } = error as Error & { stderr?: string };
        refusals.push(`unshare ${flags}: ${stderr?.trim() || message}`);
      }
    }
    if (!unshare) {
      refusals.push('unshare is not installed (package util-linux)');
    }
  }
  if (wanted !== 'namespace') {
    const system = `${features.ipcDirectory}/pcscd.comm`;
    if (!features.takesSocket) {
      refusals.push('this pcscd cannot take a socket over');
    } else if (process.getuid?.() !== 0 && !existsSync(features.ipcDirectory)) {
      refusals.push(`without root, pcscd cannot make ${features.ipcDirectory}`);
    } else if (await isServed(system)) {
      refusals.push(`the system's pcscd runs at ${system}`);
    } else {
      return {
        isolation: 'socket',
        command: ['/bin/sh', '-c', EXEC, 'sh', 'perl', '-e', LISTEN, place.socket],
        leftover: features.ipcDirectory,
      };
    }
  }
  throw new RigError(
    'RIG_NOT_PERMITTED',
    `This system lets no private pcscd run (${refusals.join('; ')}). Run as root, or allow user namespaces: ` +
      'sysctl -w user.max_user_namespaces=10000 kernel.apparmor_restrict_unprivileged_userns=0.',
  );
}

function isServed(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
  });
}
