import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentProgram } from '../../../src/harness/agents/launch.js';
import type { ReproResult } from '../../../src/harness/result.js';
import { Peer } from '../../support/agent-peer.js';
import { type AgentRun, startAgent } from '../../support/agent-program.js';
import { isHeld } from '../../support/holder.js';
import { OtherHost, whyNoOtherHosts } from '../../support/other-host.js';
import { insertPiv, openBridge, startRig } from '../../support/rig.js';
import { runCli, startCli } from './run-cli.js';

const pin = '314159';
const token = 'a-token-of-these-tests';
/** Whether programs started with setsid are in terminal sessions of their own here. */
const ownSessions = (() => {
  const ids = [1, 2].map(() => {
    const { stdout } = spawnSync('setsid', ['--wait', agentProgram(), 'session', '--json'], {
      encoding: 'utf8',
    });
    return (JSON.parse(stdout) as { id: number }).id;
  });
  return ids[0] !== ids[1];
})();
let directory: string;
let readers: string[];

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-listen-'));
  const rig = await startRig({ slots: 2 });
  readers = rig.readers.map(({ name }) => name);
  for (const slot of readers.keys()) await insertPiv(rig, slot, { pin });
});

afterAll(() => rm(directory, { recursive: true }));

/** Starts repro --listen with two sessions, and waits until it listens. */
async function startListening(args: string[] = [], env: NodeJS.ProcessEnv = { PCSC_BRIDGE_TOKEN: token }) {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const run = startCli(['repro', '--sessions', '2', ...listen, ...args], { PCSC_BRIDGE_PIN: pin, ...env });
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    run.process.stderr?.on('data', (text: string) => {
      said += text;
      const [, found] = /port (\d+)\. Start.*\n.*token/is.exec(said) ?? [];
      if (found) resolve(Number(found));
    });
    run.process.on('exit', () => reject(new Error(`it ended: ${said}`)));
  });
  return { ...run, port, invitation: said };
}

const ofBoth = () => readers.flatMap((reader, index) => ['--reader', `${['alice', 'bob'][index]}=${reader}`]);

function agent(port: number, role: string, name: string, theirToken = token, from?: OtherHost): AgentRun {
  const address = `${from?.address ?? '127.0.0.1'}:${port}`;
  const args = [role, '--connect', address, '--name', name];
  return startAgent(args, { PCSC_BRIDGE_TOKEN: theirToken }, from?.launcher);
}

/** Of agents of which one is not wanted: what that one says when it ends, and the others. */
async function oneRefused(agents: AgentRun[]): Promise<[string, ...AgentRun[]]> {
  const first = await Promise.race(agents.map(async (run) => ({ run, ...(await run.ended) })));
  expect(first.code).toBe(1);
  return [first.stderr, ...agents.filter((run) => run !== first.run)];
}

describe('repro --listen, with agents in terminal sessions of their own', () => {
  it('ends in "fixed", whoever else comes: a wrong token, an old protocol, one too many, a flood', async () => {
    const json = join(directory, 'r.json');
    const run = await startListening(['--hold', '2500', '--json', json, '--made-up-sessions', ...ofBoth()]);
    const flood = await Peer.connect(run.port);
    const garbage = Buffer.alloc(65_536, 0xa5);
    const keepOn = () => {
      while (!flood.socket.destroyed && flood.socket.write(garbage));
    };
    flood.socket.on('drain', keepOn);
    keepOn();

    const stranger = await agent(run.port, 'user', 'alice', 'another-token-of-them').ended;
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('wrong token') });
    const old = await Peer.hello(run.port, { protocol: 0 });
    expect((await old.message(0))['refused']).toContain('speaks protocol 1, the agent 0');

    const bob = agent(run.port, 'user', 'bob');
    const [refused, alice] = await oneRefused([1, 2].map(() => agent(run.port, 'user', 'alice')));
    expect(refused).toMatch(
      /the user agent "alice" .* is here already: start each user's agent with a --name/,
    );
    const broker = agent(run.port, 'broker', 'broker');

    const { code, stdout, stderr } = await run.ended;
    expect(stderr).toBe(run.invitation);
    expect(stdout).toContain('Fixed: ');
    expect(code).toBe(0);
    for (const one of [alice, bob, broker]) {
      expect(await one?.ended).toEqual({ code: 0, stderr: '' });
    }

    const result = JSON.parse(await readFile(json, 'utf8')) as ReproResult;
    expect(result.verdict).toBe('fixed');
    expect(result.sessions.map(({ id }) => id)).toEqual([1, 2]);
    expect(JSON.stringify(result)).not.toContain(token);
  }, 60_000);

  it('ends in "fixed" with the agents on two other hosts', async ({ skip }) => {
    const trouble = whyNoOtherHosts();
    skip(trouble !== undefined, trouble);
    await using first = await OtherHost.boot();
    await using second = await OtherHost.boot();
    const args = ['--hold', '2500', '--made-up-sessions', ...ofBoth()];
    const run = await startListening(['--listen', '0.0.0.0:0', ...args]);
    const agents = [
      agent(run.port, 'broker', 'broker', token, first),
      agent(run.port, 'user', 'alice', token, first),
      agent(run.port, 'user', 'bob', token, second),
    ];
    const { code, stdout } = await run.ended;
    expect(stdout).toContain('Fixed: ');
    expect(code).toBe(0);
    for (const one of agents) expect(await one.ended).toEqual({ code: 0, stderr: '' });
  }, 60_000);

  it('says who is gone when a host loses its network in the middle of it', async ({ skip }) => {
    const trouble = whyNoOtherHosts();
    skip(trouble !== undefined, trouble);
    await using first = await OtherHost.boot();
    await using second = await OtherHost.boot();
    const args = ['--hold', '60000', '--made-up-sessions', ...ofBoth()];
    const run = await startListening(['--listen', '0.0.0.0:0', ...args]);
    const holder = agent(run.port, 'user', 'alice', token, first);
    const others = [
      agent(run.port, 'broker', 'broker', token, second),
      agent(run.port, 'user', 'bob', token, second),
    ];
    const bridge = openBridge();
    await expect.poll(() => isHeld(bridge, readers[0] as string), { timeout: 20_000 }).toBe(true);
    first.pullCable();
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(/the user agent "alice"/);
    expect(code).toBe(1);
    expect(await holder.ended).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('the connection broke'),
    });
    for (const one of others) expect(await one.ended).toEqual({ code: 0, stderr: '' });
  }, 90_000);

  it.skipIf(!ownSessions)(
    'takes the sessions that the agents tell (skipped where logind or audit has them all in one)',
    async () => {
      const json = join(directory, 's.json');
      const run = await startListening(['--hold', '2500', '--json', json, ...ofBoth()]);
      const users = ['alice', 'bob'].map((name) => agent(run.port, 'user', name));
      agent(run.port, 'broker', 'broker');
      const { code, stderr } = await run.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: run.invitation });
      const { sessions } = JSON.parse(await readFile(json, 'utf8')) as ReproResult;
      // setsid: a session's id is its leader's process id.
      const pids = users.map(({ process }) => process.pid ?? 0).sort((a, b) => a - b);
      expect(sessions.map(({ id }) => id)).toEqual(pids);
      expect(sessions.every(({ connectTime }) => /^\d{18}$/.test(connectTime))).toBe(true);
    },
  );

  it('makes a token where none is given, in a file for its owner alone, which goes in the end', async () => {
    const run = await startListening(['--hold', '300', '--made-up-sessions', ...ofBoth()], {});
    const file = /--token-file (\S+)/.exec(run.invitation)?.[1] ?? expect.fail(run.invitation);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    const start = (role: string, name: string) =>
      startAgent([role, '--connect', `127.0.0.1:${run.port}`, '--token-file', file, '--name', name]);
    start('broker', 'broker');
    start('user', 'alice');
    start('user', 'bob');
    expect((await run.ended).stdout).toMatch(/session 1 .*session 2 /s);
    expect(existsSync(dirname(file))).toBe(false);
  });

  it('says which is whose when a user sees several cards', async () => {
    const run = await startListening();
    const agents = [
      agent(run.port, 'broker', 'broker'),
      agent(run.port, 'user', 'alice'),
      agent(run.port, 'user', 'bob'),
    ];
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(/"(alice|bob)" .* sees several cards .*--reader '(alice|bob)=READER'/);
    expect(code).toBe(1);
    for (const { ended } of agents) expect((await ended).code).toBe(0);
  });

  it.each([
    ['a second broker', ['broker', 'broker'], /one broker is enough: the broker agent "[01]"/],
    ['a third user', ['user', 'user', 'user'], /all user agents that are wanted \(2\) are here already/],
  ])('refuses %s; interrupted, it leaves no agent behind', async (_what, roles, reason) => {
    const run = await startListening();
    const [refused, ...others] = await oneRefused(
      roles.map((role, index) => agent(run.port, role, `${index}`)),
    );
    expect(refused).toMatch(reason);
    run.process.kill('SIGINT');
    expect((await run.ended).code).toBe(130);
    for (const { ended } of others) expect((await ended).code).toBe(0);
  });

  it('says who has not come when it has waited long enough, and who was refused', async () => {
    const run = await startListening(['--wait-for-agents', '2']);
    const stranger = agent(run.port, 'broker', 'broker', 'another-token-of-them');
    const alice = agent(run.port, 'user', 'alice');
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(
      /the broker agent and 1 of 2 user agents did not connect within 2 s; refused meanwhile: 127.0.0.1: wrong token\n$/,
    );
    expect(code).toBe(1);
    expect((await stranger.ended).code).toBe(1);
    expect((await alice.ended).code).toBe(0);
  });

  it('that vanishes leaves no agent behind', async () => {
    const run = await startListening();
    const alice = agent(run.port, 'user', 'alice');
    const [, broker] = await oneRefused([1, 2].map(() => agent(run.port, 'broker', 'broker')));
    run.process.kill('SIGKILL');
    await Promise.all([alice.ended, broker?.ended]);
  });
});

describe('repro --listen', () => {
  it('warns where the address can be reached from elsewhere', async () => {
    const run = await startListening(['--listen', '0.0.0.0:0']);
    expect(run.invitation).toMatch(
      /Warning: this is not loopback, and the link is not encrypted; PINs go over it/,
    );
    run.process.kill('SIGTERM');
    expect((await run.ended).code).toBe(130);
  });

  it('says so where the port is in use', async () => {
    const other = createServer();
    const port = await new Promise<number>((resolve) => {
      other.listen(0, '127.0.0.1', () => resolve((other.address() as { port: number }).port));
    });
    const { code, stderr } = await runCli(['repro', '--listen', `127.0.0.1:${port}`]);
    expect(stderr).toBe(
      `pcsc-bridge repro: cannot listen on 127.0.0.1:${port}: another program uses this port; ` +
        'end it or take another port\n',
    );
    expect(code).toBe(1);
    other.close();
  });

  it('refuses a token that is none, without telling it', async () => {
    const file = join(directory, 'token');
    await writeFile(file, 'too-short');
    const { code, stderr } = await runCli(['repro', '--listen', '127.0.0.1:0', '--token-file', file]);
    expect(stderr).toMatch(/the token in .* must be 16 to 256 printable ASCII characters/);
    expect(stderr).not.toContain('too-short');
    expect(code).toBe(1);
  });
});
