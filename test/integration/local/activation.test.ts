/** A server on a socket that systemd listens on: a stand-in passes it as descriptor 3, see sd_listen_fds(3). */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { connectLocally, LocalServer } from '../../../src/local/index.js';
import { examples, type RunningExample, startExample } from '../../support/example.js';
import { LocalClient } from '../../support/local-client.js';
import { openBridge, startRig } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';
import { asNobody, makeDirectory, openDirectoryOf, skipWithoutNobody } from './helpers.js';

await startRig({ slots: 1 });
const bridge = openBridge();

/** Starts the broker with this socket, and stops listening itself. */
async function activate(server: Server): Promise<RunningExample> {
  await once(server, 'listening');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const broker = startExample('session-broker.mjs', {}, ['--activated'], { activatedBy: fd });
  server.close();
  return broker;
}

/** A broker whose socket this process has made. */
async function startActivated(): Promise<{ broker: RunningExample; path: string }> {
  const path = join(makeDirectory(), 'broker.sock');
  openDirectoryOf(path);
  // Node.js removes the file that it made; a link to it stays.
  const made = `${path}.made`;
  const server = createServer().listen({ path: made, readableAll: true, writableAll: true });
  server.once('listening', () => linkSync(made, path));
  const broker = await activate(server);
  await broker.until('listening on the socket of systemd');
  return { broker, path };
}

test('a server on an inherited socket identifies its peers, and leaves the file', async () => {
  const { broker, path } = await startActivated();
  await using client = await LocalClient.connect(path, { ownSession: true });
  const { identity } = await bridge.openSession({ pid: client.pid });
  expect(await client.ask({ command: 'whoami' })).toEqual({ session: identity.id, user: identity.user });
  // And its clients can identify the server.
  const { socket, peer } = await connectLocally(path);
  expect(peer.pid).toBe(broker.process.pid);
  socket.destroy();

  broker.process.kill('SIGTERM');
  expect(await broker.ended).toEqual({ code: 0, signal: null, stderr: '' });
  expect(existsSync(path)).toBe(true);
});

test('a peer of another user is reported with that user', async ({ skip }) => {
  skipWithoutNobody(skip);
  const { path } = await startActivated();
  await using client = await LocalClient.connect(path, asNobody);
  expect(await client.ask({ command: 'whoami' })).toMatchObject({ user: 'nobody' });
});

test('a connection that was made before the server started is served', async () => {
  const path = join(makeDirectory(), 'broker.sock');
  const server = createServer();
  // The kernel queues it until the broker accepts.
  server.listen({ path: `${path}.made` }, () => linkSync(`${path}.made`, path));
  await once(server, 'listening');
  const early = connect(path);
  early.write('{"command":"whoami"}\n');
  const { fd } = (server as unknown as { _handle: { fd: number } })._handle;
  const broker = startExample('session-broker.mjs', {}, ['--activated'], { activatedBy: fd });
  server.close();
  const [answer] = await once(createInterface({ input: early }), 'line');
  expect(JSON.parse(answer)).toMatchObject({ session: expect.any(Number) });
  early.destroy();
  broker.process.kill('SIGTERM');
  await broker.ended;
});

test('an internet socket is rejected', async () => {
  const broker = await activate(createServer().listen(0, '127.0.0.1'));
  const { code, stderr } = await broker.ended;
  expect(code).toBe(1);
  expect(stderr).toContain('LocalServer: the socket that was passed to this process is an internet socket');
});

function pass(variables: NodeJS.ProcessEnv): void {
  Object.assign(process.env, variables);
  onTestFinished(() => {
    for (const name of Object.keys(variables)) delete process.env[name];
  });
}

const listenActivated = () => LocalServer.listen({ activated: true }, () => {});

test('a server without an inherited socket does not listen, and says why', async () => {
  const own = String(process.pid);
  const tries: [NodeJS.ProcessEnv, string][] = [
    [{}, 'no socket was passed to this process'],
    [{ LISTEN_PID: '1', LISTEN_FDS: '1' }, `the socket was passed to process 1, and this is ${own}`],
    [
      { LISTEN_PID: own, LISTEN_FDS: '2' },
      '2 sockets were passed to this process, and a LocalServer takes one',
    ],
  ];
  for (const [variables, reason] of tries) {
    pass({ ...variables, LISTEN_FDNAMES: 'broker' });
    expect((await errorOf<Error>(listenActivated())).message).toContain(`LocalServer: ${reason}`);
    // No child process inherits the variables.
    expect(Object.keys(process.env).filter((name) => name.startsWith('LISTEN_'))).toEqual([]);
  }
});

test('the socket unit decides path and access', async () => {
  const options = { activated: true, path: '/run/broker.sock' } as unknown as { activated: true };
  expect(await errorOf<Error>(LocalServer.listen(options, () => {}))).toMatchObject({
    name: 'TypeError',
    message: 'path and access are decided by the socket unit: leave them out with activated',
  });
});

test.for([
  ['system', ['session-broker.socket', 'session-broker.service']],
  ['user', ['session-broker.service']],
] as const)('systemd accepts the %s units', ([manager, units], { skip }) => {
  skip(spawnSync('systemd-analyze', ['--version']).status !== 0, 'systemd-analyze is not installed');
  const directory = makeDirectory();
  const paths = units.map((unit) => {
    const text = readFileSync(new URL(`systemd/${manager}/${unit}`, examples), 'utf8');
    const path = join(directory, unit);
    // Node.js may be at another path here.
    writeFileSync(path, text.replaceAll('/usr/bin/node', process.execPath));
    return path;
  });
  const verify = ['verify', '--man=no', `--${manager}`, ...paths];
  const { status, stdout, stderr } = spawnSync('systemd-analyze', verify, {
    encoding: 'utf8',
    env: { ...process.env, XDG_RUNTIME_DIR: directory },
  });
  expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: '', stderr: '' });
});
