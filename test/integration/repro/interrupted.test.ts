import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startCli } from './run-cli.js';

/** Processes whose environment or command line names the child: its daemon, its holder. */
function descendantsOf(pid: number): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
      parents.set(Number(entry), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // It has just ended.
    }
  }
  const found = [pid];
  for (const parent of found) {
    for (const [child, its] of parents) if (its === parent) found.push(child);
  }
  return found.slice(1);
}

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'after %s in the middle of the hold no process is left',
  async (signal) => {
    const run = startCli(['repro', '--hold', '60000', '--sessions', '2']);
    const pid = run.process.pid ?? 0;
    const holder = () =>
      descendantsOf(pid).find((child) => {
        try {
          return readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('pcsc-holder');
        } catch {
          return false;
        }
      });
    await expect.poll(holder, { timeout: 15_000 }).toBeDefined();
    const children = descendantsOf(pid);
    expect(children.length).toBeGreaterThanOrEqual(2);
    run.process.kill(signal);
    const { code, signal: killedBy, stderr } = await run.ended;
    if (signal === 'SIGKILL') {
      expect(killedBy).toBe('SIGKILL');
    } else {
      expect({ code, stderr }).toEqual({ code: 130, stderr: 'interrupted\n' });
    }
    await expect
      .poll(() => children.filter((child) => existsSync(`/proc/${child}`)), { timeout: 5000 })
      .toEqual([]);
  },
);
