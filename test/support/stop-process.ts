import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Stops a process, and waits until it has stopped: after the signal was sent, a thread on another processor may run on for a
 * moment. Linux only.
 */
export async function stopProcess(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  while (!readdirSync(`/proc/${pid}/task`).every((thread) => isStopped(pid, thread))) await sleep(1);
}

export function continueProcess(pid: number): void {
  process.kill(pid, 'SIGCONT');
}

function isStopped(pid: number, thread: string): boolean {
  // "PID (NAME) STATE ...", and a name may have parentheses.
  const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1');
  return stat[stat.lastIndexOf(')') + 2] === 'T';
}
