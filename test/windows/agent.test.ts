/** The agent where Windows reports to be Server 2008, for which it is made. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { ReproResult } from '../../src/tools/repro/result.js';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { agent, hasAgent, WineRun } from './wine.js';

// Written with the link's change to TLS, and not run under Wine yet.
beforeEach(({ skip }) => skip(!hasAgent, 'native/agent is not among the sources: no pcsc-bridge-agent.exe'));

const main = fileURLToPath(new URL('../../dist/tools/cli/main.js', import.meta.url));
const pin = '271828';
const users = ['alice', 'bob', 'carol'];
const rig = await startRig({ slots: 3 });
for (const slot of users.keys()) await insertPiv(rig, slot, { pin });
const directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-agent-'));
afterAll(() => rm(directory, { recursive: true }));
const keys = join(directory, 'keys');

const windows = 'win2008';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** The command line on this host, waiting for agents. */
function listen(port: number, json: string) {
  const readers = users.flatMap((name, slot) => ['--reader', `${name}=${readerAt(rig, slot).name}`]);
  const words = ['repro', '--listen', `127.0.0.1:${port}`, '--sessions', String(users.length), ...readers];
  const child = spawn(
    process.execPath,
    [main, ...words, '--made-up-sessions', '--keys', keys, '--hold', '3000', '--json', json],
    {
      env: { ...process.env, PCSC_BRIDGE_PIN: pin },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, output }));
  const listening = once(child.stderr, 'data');
  return { ended, listening, [Symbol.dispose]: () => child.kill() };
}

test('the agent reports its terminal session', async () => {
  const run = WineRun.start([agent, 'session', '--json'], { windows });
  expect(await run.answer()).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
});

test('the agent sends the version of Windows in its hello, and ends with its input', async () => {
  const { hello } = await WineRun.start([agent, 'user'], { windows }).answer<{ hello: object }>();
  expect(hello).toMatchObject({ role: 'user', platform: 'windows x64 6.0.6002', session: { id: 1 } });
});

/** Wine elevates only programs whose manifest requests it. */
const asAdministrator = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<assembly xmlns="urn:schemas-microsoft-com:asm.v1" manifestVersion="1.0">
  <trustInfo xmlns="urn:schemas-microsoft-com:asm.v3"><security><requestedPrivileges>
    <requestedExecutionLevel level="requireAdministrator" uiAccess="false"/>
  </requestedPrivileges></security></trustInfo>
</assembly>`;

test('the agent runs as administrator only from a directory that no other user may change', async () => {
  const program = join(directory, 'elevated', 'agent.exe');
  await mkdir(join(program, '..'));
  await copyFile(agent, program);
  await writeFile(`${program}.manifest`, asAdministrator);
  const run = () => WineRun.start([program, '--version'], { windows, share: join(program, '..') }).ended;
  await chmod(join(program, '..'), 0o755);
  expect(await run()).toMatchObject({ code: 0, stderr: '' });
  await chmod(join(program, '..'), 0o777);
  expect(await run()).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /an administrator must not run this program from here: Everyone may change/,
    ),
  });
});

test('the agent rejects a key file that others can read', async () => {
  const file = join(directory, 'read-by-others.key');
  await writeFile(file, `user:alice ${'5e'.repeat(32)}\n`);
  await chmod(file, 0o644);
  const words = ['user', '--connect', '127.0.0.1:9', '--key-file', `Z:${file}`];
  const { code, stderr } = await WineRun.start([agent, ...words], { windows, share: directory }).ended;
  expect(stderr).toMatch(/read-by-others.key can be read by Everyone: /);
  expect(stderr).not.toContain('5e5e');
  expect(code).toBe(1);
});

test('a broker and three users reproduce the fault and show the fix', async () => {
  const port = await freePort();
  const json = join(directory, 'result.json');
  using controller = listen(port, json);
  await controller.listening;
  const start = (role: string, name: string) => {
    const link = ['--connect', `127.0.0.1:${port}`, '--key-file', `Z:${keys}/${name}.key`];
    return WineRun.start([agent, role, ...link], { rig, windows, share: keys });
  };
  const agents = [start('broker', 'broker'), ...users.map((name) => start('user', name))];
  try {
    const { code, output } = await controller.ended;
    expect(code, output).toBe(0);
    expect(output).toContain('Fixed: ');
    const { verdict, runs } = JSON.parse(await readFile(json, 'utf8')) as ReproResult;
    expect(verdict).toBe('fixed');
    const held = readerAt(rig, 0).name;
    expect(runs.map(({ logons }) => logons.map(({ blockedBy }) => blockedBy))).toEqual([
      [held, held],
      [null, null],
    ]);
    // Their controller has exited.
    for (const each of agents) expect(await each.ended).toMatchObject({ code: 0 });
  } finally {
    for (const each of agents) await each[Symbol.asyncDispose]();
  }
});
