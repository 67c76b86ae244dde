/** What the kernel knows about a process on this host: processor time, threads, sockets. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Milliseconds a process has run so far, all its threads together. From the scheduler, which counts; the ticks
 * in /proc/PID/stat are samples, and miss or favour what is itself driven by a timer.
 */
export function processorMs(pid: number): number {
  const ran = (task: string) =>
    Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
  return readdirSync(`/proc/${pid}/task`).reduce((sum, task) => sum + ran(task), 0) / 1e6;
}

export function threadsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/task`).length;
}

export function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/**
 * The clients of a pcscd: its connected sockets, one for each PC/SC context. A connection that the daemon has not
 * accepted yet is not counted.
 */
export function clientsOf(daemonPid: number): number {
  const inodes = new Set(socketInodes(daemonPid));
  const sockets = readFileSync(`/proc/${daemonPid}/net/unix`, 'latin1').split('\n').slice(1);
  return sockets.filter((line) => {
    // Num RefCount Protocol Flags Type St Inode Path; 03 is connected. The listening socket is 01.
    const [, , , , , state, inode = '', path = ''] = line.trim().split(/ +/);
    return state === '03' && path.endsWith('pcscd.comm') && inodes.has(inode);
  }).length;
}

/**
 * The daemon of a rig is a grandchild of this process, and its private directory is on its command line. If the daemon
 * is from another system, that system's dynamic loader comes first.
 */
export function findDaemon(rigDirectory: string): number | undefined {
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const command = readFileSync(`/proc/${entry}/cmdline`, 'latin1').split('\0');
      const program = command[command.indexOf('--foreground') - 1];
      if (program?.endsWith('/pcscd') && command.some((word) => word.startsWith(`${rigDirectory}/`))) {
        return Number(entry);
      }
    } catch {
      // The process has ended.
    }
  }
  return undefined;
}

function socketInodes(pid: number): string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((descriptor) => {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${descriptor}`))?.[1];
      return inode === undefined ? [] : [inode];
    } catch {
      return []; // closed since the list was read
    }
  });
}

/** The highest of several counts, looked at every few milliseconds. */
export class PeakCounter<Name extends string> {
  readonly peak: Record<Name, number>;
  readonly #counts: Record<Name, () => number>;
  readonly #timer: NodeJS.Timeout;

  constructor(counts: Record<Name, () => number>, everyMs = 10) {
    this.#counts = counts;
    this.peak = this.#now();
    this.#timer = setInterval(() => this.#look(), everyMs);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#look();
  }

  #look(): void {
    const now = this.#now();
    for (const name of Object.keys(now) as Name[]) this.peak[name] = Math.max(this.peak[name], now[name]);
  }

  #now(): Record<Name, number> {
    const entries = Object.entries<() => number>(this.#counts).map(([name, count]) => [name, count()]);
    return Object.fromEntries(entries) as Record<Name, number>;
  }
}
