import { readdirSync, readlinkSync } from 'node:fs';

/** Threads of this process. */
export function threads(): number {
  return readdirSync('/proc/self/task').length;
}

/** Sockets that this process has open. Each PC/SC context has one. */
export function sockets(): number {
  return readdirSync('/proc/self/fd').filter((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:');
    } catch {
      return false;
    }
  }).length;
}

/** Descriptors that this process has open. */
export function descriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
