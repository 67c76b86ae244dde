import { existsSync } from 'node:fs';
import { expect, it } from 'vitest';
import { commandLine, descendantsOf } from '../../support/processes.js';
import { startCli } from '../../support/run-cli.js';

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'after %s in the middle of the hold no process is left',
  async (signal) => {
    const run = startCli(['repro', '--hold', '60000', '--sessions', '2']);
    const pid = run.process.pid ?? 0;
    const holder = () => descendantsOf(pid).find((child) => commandLine(child).includes('pcsc-holder'));
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
