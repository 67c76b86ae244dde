import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { withLocalAgents } from '../../../src/tools/repro/agents/local-setup.js';
import { reproduce } from '../../../src/tools/repro/scenario.js';
import { setUpRealReaders } from '../../../src/tools/repro/setup.js';
import { isHeld } from '../../support/holder.js';
import { commandLine, descendantsOf, isRunning } from '../../support/processes.js';
import { insertPiv, openBridge, startRig } from '../../support/rig.js';
import { startCli } from '../../support/run-cli.js';
import { errorOf } from '../../support/time.js';

const pin = '314159';
const bridge = openBridge();
let readers: string[];

beforeAll(async () => {
  const rig = await startRig({ slots: 2 });
  readers = rig.readers.map(({ name }) => name);
  for (const slot of readers.keys()) await insertPiv(rig, slot, { pin });
});

/** Agents that this process has started. */
const agents = () =>
  descendantsOf(process.pid).filter((pid) => commandLine(pid).includes('pcsc-bridge-agent'));

const agentOf = (name: string) =>
  agents().find((pid) => commandLine(pid).endsWith(`/${name}.key`)) ?? expect.fail(`no agent ${name}`);

/** Runs the scenario until it prints this, takes an action, and returns the resulting error. */
async function errorAfter(step: string, misfortune: () => void, filter: 'off' | 'on'): Promise<string> {
  await using setup = await withLocalAgents(setUpRealReaders(readers, pin));
  const onProgress = (said: string) => void (said.includes(step) && misfortune());
  const { message } = await errorOf<Error>(
    reproduce(setup, { holdMs: 60_000, filters: [filter], onProgress }),
  );
  return message;
}

const kill = (name: string) => () => process.kill(agentOf(name), 'SIGKILL');

describe.each(['off', 'on'] as const)('with the filter %s', (filter) => {
  it('an agent killed while it holds the card ends the scenario, and nothing is left', async () => {
    const error = await errorAfter("holds session 1's card", kill('session-1'), filter);
    expect(error).toMatch(/^the user agent "session-1" \(127\.0\.0\.1, pid \d+\) went away: /);
    expect(agents()).toEqual([]);
  });

  it('a broker killed in the middle of logons ends the scenario, and nothing is left', async () => {
    const error = await errorAfter('the same logons', kill('broker'), filter);
    expect(error).toMatch(/^the broker agent "broker" \(127\.0\.0\.1, pid \d+\) went away: /);
    expect(agents()).toEqual([]);
  });

  it('a user agent killed while it is idle is missed at the end', async () => {
    const error = await errorAfter('first logons', kill('session-2'), filter);
    expect(error).toMatch(/^the user agent "session-2" \(127\.0\.0\.1, pid \d+\) went away: /);
    expect(agents()).toEqual([]);
  });
});

const firstIsHeld = () => isHeld(bridge, readers[0] as string);

it.each(['SIGINT', 'SIGTERM', 'SIGKILL'] as const)(
  'after %s in the middle of the hold no agent is left, and the card is free',
  async (signal) => {
    const args = readers.flatMap((reader) => ['--reader', reader]);
    // After SIGKILL the temporary keys of the agents remain in this directory.
    const directory = mkdtempSync(join(tmpdir(), 'agents-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const env = { PCSC_BRIDGE_PIN: pin, TMPDIR: directory };
    const run = startCli(['repro', '--agents', '--hold', '60000', ...args], env);
    await expect.poll(firstIsHeld, { timeout: 15_000 }).toBe(true);
    const children = descendantsOf(run.process.pid ?? 0);
    expect(children.filter((pid) => commandLine(pid).includes('pcsc-bridge-agent'))).toHaveLength(3);
    run.process.kill(signal);
    const { code, signal: killedBy, stderr } = await run.ended;
    if (signal === 'SIGKILL') {
      expect(killedBy).toBe('SIGKILL');
    } else {
      expect({ code, stderr }).toEqual({ code: 130, stderr: 'interrupted\n' });
    }
    await expect.poll(() => children.filter(isRunning), { timeout: 5000 }).toEqual([]);
    await expect.poll(firstIsHeld, { timeout: 5000 }).toBe(false);
  },
  30_000,
);

it("neither key nor PIN is on an agent's command line or in its environment", async () => {
  process.env['PCSC_BRIDGE_PIN'] = pin;
  try {
    await using setup = await withLocalAgents(setUpRealReaders(readers, pin));
    expect(setup.sessions).toHaveLength(2);
    for (const agent of agents()) {
      const environment = readFileSync(`/proc/${agent}/environ`, 'utf8');
      const file = / --key-file (\S+)$/.exec(commandLine(agent))?.[1] ?? expect.fail('no key file');
      const key = readFileSync(file, 'utf8').trim().split(' ')[1] ?? expect.fail('no key');
      expect(commandLine(agent) + environment).not.toContain(key);
      expect(environment).not.toContain(pin);
    }
  } finally {
    delete process.env['PCSC_BRIDGE_PIN'];
  }
});
