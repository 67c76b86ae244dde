import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { agentProgram } from '../../../src/tools/repro/agents/launch.js';
import type { ReproResult } from '../../../src/tools/repro/result.js';
import { helloWith, Peer, tlsAs } from '../../support/agent-peer.js';
import { type AgentRun, startAgent } from '../../support/agent-program.js';
import { isHeld } from '../../support/holder.js';
import { OtherHost, whyNoOtherHosts } from '../../support/other-host.js';
import { commandLine } from '../../support/processes.js';
import { insertPiv, openBridge, startRig } from '../../support/rig.js';
import { runCli, startCli } from '../../support/run-cli.js';

const pin = '314159';
/** Whether programs started with setsid are in terminal sessions of their own on this host. */
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

/** Starts repro --listen with sessions of alice and bob, and waits until it listens. */
async function startListening(args: string[] = []) {
  const listen = args.includes('--listen') ? [] : ['--listen', '127.0.0.1:0'];
  const users = ['--sessions', '2', '--user', 'alice', '--user', 'bob'];
  const run = startCli(['repro', ...users, ...listen, ...args], { PCSC_BRIDGE_PIN: pin });
  let said = '';
  const port = await new Promise<number>((resolve, reject) => {
    run.process.stderr?.on('data', (text: string) => {
      said += text;
      const [, found] = /port (\d+)\. Start.*\n.*Each file/is.exec(said) ?? [];
      if (found) resolve(Number(found));
    });
    run.process.on('exit', () => reject(new Error(`it ended: ${said}`)));
  });
  const keyFile = (name: string) =>
    new RegExp(`--key-file (\\S+/${name}\\.key)`).exec(said)?.[1] ??
    expect.fail(`${said}: no key of ${name}`);
  return { ...run, port, invitation: said, keyFile };
}

type Listening = Awaited<ReturnType<typeof startListening>>;

const ofBoth = () => readers.flatMap((reader, index) => ['--reader', `${['alice', 'bob'][index]}=${reader}`]);

/** The broker, or a user's agent. */
function agent(run: Listening, name: string, from?: OtherHost, keyFile = run.keyFile(name)): AgentRun {
  const address = `${from?.address ?? '127.0.0.1'}:${run.port}`;
  const role = name === 'broker' ? 'broker' : 'user';
  return startAgent([role, '--connect', address, '--key-file', keyFile, '--wait', '4'], {}, from?.launcher);
}

/** The file of a key that the controller has not created. */
async function otherKey(identity: string): Promise<string> {
  const file = join(directory, `${identity}.key`);
  await writeFile(file, `${identity} ${'ab'.repeat(32)}\n`, { mode: 0o600 });
  return file;
}

/** Of several agents, one of which is refused: what the refused one prints when it ends, and the others. */
async function oneRefused(agents: AgentRun[]): Promise<[string, ...AgentRun[]]> {
  const first = await Promise.race(agents.map(async (run) => ({ run, ...(await run.ended) })));
  expect(first.code).toBe(1);
  return [first.stderr, ...agents.filter((run) => run !== first.run)];
}

describe('repro --listen, with agents in terminal sessions of their own', () => {
  it('ends in "fixed" despite a wrong key, an old protocol, an extra agent, a flood and a crowd', async () => {
    const json = join(directory, 'r.json');
    const run = await startListening(['--hold', '2500', '--json', json, '--made-up-sessions', ...ofBoth()]);
    const flood = await Peer.connectPlainly(run.port);
    const garbage = Buffer.alloc(65_536, 0xa5);
    const keepOn = () => {
      while (!flood.socket.destroyed && flood.socket.write(garbage));
    };
    flood.socket.on('drain', keepOn);
    keepOn();
    const crowd = await Promise.all(Array.from({ length: 100 }, () => Peer.connectPlainly(run.port)));

    const stranger = await agent(run, 'alice', undefined, await otherKey('user:alice')).ended;
    expect(stranger).toMatchObject({ code: 1, stderr: expect.stringContaining('has another key') });
    const [identity, key = ''] = (await readFile(run.keyFile('alice'), 'utf8')).trim().split(' ');
    const psk = Buffer.from(key, 'hex');
    const old = await Peer.connect(run.port, identity, tlsAs('user:alice', psk));
    old.send({ hello: helloWith({ protocol: 0 }) });
    expect((await old.message(0))['refused']).toContain('speaks protocol 1, the agent 0');

    const bob = agent(run, 'bob');
    const [refused, alice] = await oneRefused([1, 2].map(() => agent(run, 'alice')));
    expect(refused).toMatch(
      /the user agent "alice" .* is here already: start one agent with each user's key/,
    );
    const broker = agent(run, 'broker');

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
    expect(`${JSON.stringify(result)}${stdout}${stderr}${stranger.stderr}${refused}`).not.toContain(key);
    for (const { socket } of crowd) socket.destroy();
  }, 60_000);

  it('ends in "fixed" with the agents on two other hosts', async ({ skip }) => {
    const trouble = whyNoOtherHosts();
    skip(trouble !== undefined, trouble);
    await using first = await OtherHost.boot();
    await using second = await OtherHost.boot();
    const args = ['--hold', '2500', '--made-up-sessions', ...ofBoth()];
    const run = await startListening(['--listen', '0.0.0.0:0', ...args]);
    const agents = [agent(run, 'broker', first), agent(run, 'alice', first), agent(run, 'bob', second)];
    const { code, stdout } = await run.ended;
    expect(stdout).toContain('Fixed: ');
    expect(code).toBe(0);
    for (const one of agents) expect(await one.ended).toEqual({ code: 0, stderr: '' });
  }, 60_000);

  it('reports the missing agent when a host loses its network during a run', async ({ skip }) => {
    const trouble = whyNoOtherHosts();
    skip(trouble !== undefined, trouble);
    await using first = await OtherHost.boot();
    await using second = await OtherHost.boot();
    const args = ['--hold', '60000', '--made-up-sessions', ...ofBoth()];
    const run = await startListening(['--listen', '0.0.0.0:0', ...args]);
    const holder = agent(run, 'alice', first);
    const others = [agent(run, 'broker', second), agent(run, 'bob', second)];
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
    'uses the sessions that the agents report (skipped where logind or audit has them all in one)',
    async () => {
      const json = join(directory, 's.json');
      const run = await startListening(['--hold', '2500', '--json', json, ...ofBoth()]);
      const users = ['alice', 'bob'].map((name) => agent(run, name));
      agent(run, 'broker');
      const { code, stderr } = await run.ended;
      expect({ code, stderr }).toEqual({ code: 0, stderr: run.invitation });
      const { sessions } = JSON.parse(await readFile(json, 'utf8')) as ReproResult;
      // setsid: a session's id is its leader's process id.
      const pids = users.map(({ process }) => process.pid ?? 0).sort((a, b) => a - b);
      expect(sessions.map(({ id }) => id)).toEqual(pids);
      expect(sessions.every(({ connectTime }) => /^\d{18}$/.test(connectTime))).toBe(true);
    },
  );

  it('creates a key for each agent, in a file that only its owner can read, and deletes it at the end', async () => {
    const run = await startListening(['--hold', '300', '--made-up-sessions', ...ofBoth()]);
    const names = ['broker', 'alice', 'bob'];
    const lines = names.map((name) => readFileSync(run.keyFile(name), 'utf8'));
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['broker', 'user:alice', 'user:bob']);
    const keys = lines.map((line) => line.trim().split(' ')[1] ?? '');
    expect(new Set(keys).size).toBe(3);
    for (const name of names) expect(statSync(run.keyFile(name)).mode & 0o777).toBe(0o600);
    const directoryOfKeys = dirname(run.keyFile('broker'));
    expect(statSync(directoryOfKeys).mode & 0o777).toBe(0o700);
    const agents = names.map((name) => agent(run, name));
    for (const { process } of agents) {
      for (const key of keys) expect(commandLine(process.pid ?? 0)).not.toContain(key);
    }
    const { stdout, stderr } = await run.ended;
    expect(stdout).toMatch(/session 1 .*session 2 /s);
    for (const key of keys) expect(stdout + stderr).not.toContain(key);
    expect(existsSync(directoryOfKeys)).toBe(false);
  });

  it('keeps the keys in a given directory, and uses them again the next time', async () => {
    const kept = join(directory, 'kept');
    const lines: string[] = [];
    for (let times = 0; times < 2; times++) {
      const run = await startListening(['--keys', kept]);
      expect(run.keyFile('alice')).toBe(join(kept, 'alice.key'));
      lines.push(readFileSync(join(kept, 'alice.key'), 'utf8'));
      run.process.kill('SIGTERM');
      expect((await run.ended).code).toBe(130);
    }
    expect(statSync(kept).mode & 0o777).toBe(0o700);
    expect(lines[1]).toBe(lines[0]);
  });

  it('lists the candidates when a user sees several cards', async () => {
    const run = await startListening();
    const agents = [agent(run, 'broker'), agent(run, 'alice'), agent(run, 'bob')];
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(/"(alice|bob)" .* sees several cards .*--reader '(alice|bob)=READER'/);
    expect(code).toBe(1);
    for (const { ended } of agents) expect((await ended).code).toBe(0);
  });

  it.each([
    ['broker', /one broker is enough: the broker agent "broker"/],
    ['alice', /the user agent "alice" .* is here already/],
  ])(
    'rejects a second agent with the key of %s; interrupted, it leaves no agent behind',
    async (name, reason) => {
      const run = await startListening();
      const [refused, ...others] = await oneRefused([1, 2].map(() => agent(run, name)));
      expect(refused).toMatch(reason);
      run.process.kill('SIGINT');
      expect((await run.ended).code).toBe(130);
      for (const { ended } of others) expect((await ended).code).toBe(0);
    },
  );

  it('reports which agents are missing after its timeout, and which were refused', async () => {
    const run = await startListening(['--wait-for-agents', '2']);
    const stranger = agent(run, 'broker', undefined, await otherKey('broker'));
    const alice = agent(run, 'alice');
    const { code, stderr } = await run.ended;
    expect(stderr).toMatch(
      /the broker agent and 1 of 2 user agents did not connect within 2 s; refused meanwhile: 127.0.0.1: wrong key for "broker": check that the agent's key file is the one made here\n$/,
    );
    expect(code).toBe(1);
    expect((await stranger.ended).code).toBe(1);
    expect((await alice.ended).code).toBe(0);
  });

  it('leaves no agent behind when it is killed', async () => {
    // Otherwise temporary keys would stay behind.
    const run = await startListening(['--keys', join(directory, 'vanished')]);
    const alice = agent(run, 'alice');
    const [, broker] = await oneRefused([1, 2].map(() => agent(run, 'broker')));
    run.process.kill('SIGKILL');
    await Promise.all([alice.ended, broker?.ended]);
  });
});

describe('repro --listen', () => {
  it('reports that the port is in use', async () => {
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

  const key = 'ab'.repeat(32);
  it.each([
    [
      'a file without a key',
      `user:alice ${key.slice(2)}`,
      0o600,
      0o700,
      /alice\.key does not hold a key: delete it/,
    ],
    [
      "another agent's key",
      `user:bob ${key}`,
      0o600,
      0o700,
      /is for "user:bob", not for "user:alice": delete it/,
    ],
    [
      'a key that others can read',
      `user:alice ${key}`,
      0o644,
      0o700,
      /access to the key file .*: chmod 600 it/,
    ],
    ['a directory that others can read', `user:alice ${key}`, 0o600, 0o755, /key directory .*: chmod 700 it/],
  ])('rejects %s, without printing a key', async (what, line, mode, modeOfDirectory, reason) => {
    const keys = join(directory, what);
    await mkdir(keys);
    await writeFile(join(keys, 'alice.key'), line);
    await chmod(join(keys, 'alice.key'), mode);
    await chmod(keys, modeOfDirectory);
    const words = ['repro', '--listen', '127.0.0.1:0', '--user', 'alice', '--keys', keys];
    const { code, stdout, stderr } = await runCli(words);
    expect(stderr).toMatch(reason);
    expect(stdout + stderr).not.toContain('abab');
    expect(code).toBe(1);
  });
});
