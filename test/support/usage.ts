/** The cost of waiting: threads and descriptors of this process, contexts in the daemon of a rig. */
import { clientsOf, descriptorsOf, findDaemon, threadsOf } from '../../bench/processes.js';
import type { Rig } from '../../src/testing/rig/index.js';

export interface Usage {
  threads: number;
  descriptors: number;
  /** PC/SC contexts of all processes, one socket of the daemon each. */
  contexts: number;
}

export function daemonOf(rig: Rig): number {
  const pid = findDaemon(rig.directory);
  if (pid === undefined) throw new Error('the daemon of the rig is not to be found in /proc');
  return pid;
}

export function usage(daemonPid: number): Usage {
  return {
    threads: threadsOf(process.pid),
    descriptors: descriptorsOf(process.pid),
    contexts: clientsOf(daemonPid),
  };
}

/** The counts of `now` that exceed `before` plus a margin; empty if none does. */
export function growth(before: Usage, now: Usage, margin: number): Partial<Usage> {
  const names = Object.keys(before) as (keyof Usage)[];
  return Object.fromEntries(
    names.filter((name) => now[name] > before[name] + margin).map((name) => [name, now[name] - before[name]]),
  );
}
