/** How many connections a server accepts, in total and per user, and what it reports to those beyond. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { ConnectionLimitError, connectLocally, LocalServer } from '../../../src/local/index.js';
import { native } from '../../../src/native/addon.js';
import { LocalClient } from '../../support/local-client.js';
import { stopProcess } from '../../support/stop-process.js';
import { errorOf, staysPending } from '../../support/time.js';
import { asNobody, listen, makeDirectory, openDirectoryOf, skipWithoutNobody } from './helpers.js';

const user = String(process.geteuid?.());

/** Connects, and resolves when the server has closed it. */
async function closed(path: string): Promise<void> {
  const socket = connect(path);
  socket.on('error', () => {}).resume();
  await new Promise((resolve) => socket.once('close', resolve));
}

function connectMany(path: string, count: number) {
  const sockets = Array.from({ length: count }, () => connect(path).on('error', () => {}));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  return sockets;
}

test('a user has maxConnectionsPerUser connections, and may connect again after one has ended', async () => {
  const { path, next, refused } = await listen({ maxConnectionsPerUser: 2 });
  connectMany(path, 2);
  const { socket } = await next();
  await next();
  await closed(path);
  expect(refused).toEqual([
    expect.objectContaining({
      name: 'ConnectionLimitError',
      limit: 'maxConnectionsPerUser',
      userId: user,
      message: `a connection of user ${user} is refused: this user has 2 connections, as many as maxConnectionsPerUser allows`,
    }),
  ]);
  expect(refused[0]).toBeInstanceOf(ConnectionLimitError);
  socket.destroy();
  await once(socket, 'close');
  connectMany(path, 1);
  await next();
  expect(refused).toHaveLength(1);
});

test("one user's connections do not count for another", async ({ skip }) => {
  skipWithoutNobody(skip);
  const { path, next, refused } = await listen({ access: 'everyone', maxConnectionsPerUser: 1 });
  openDirectoryOf(path);
  connectMany(path, 1);
  await next();
  await using client = await LocalClient.connect(path, asNobody);
  expect((await next()).peer).toMatchObject({ pid: client.pid, uid: asNobody.uid });
  await closed(path);
  expect(refused).toEqual([expect.objectContaining({ limit: 'maxConnectionsPerUser', userId: user })]);
});

test('all users together have maxConnections', async ({ skip }) => {
  skipWithoutNobody(skip);
  const { path, next, refused } = await listen({ access: 'everyone', maxConnections: 2 });
  openDirectoryOf(path);
  connectMany(path, 2);
  await next();
  await next();
  await using client = await LocalClient.connect(path, asNobody);
  expect(await client.line()).toBeUndefined();
  expect(refused).toEqual([
    expect.objectContaining({
      limit: 'maxConnections',
      userId: String(asNobody.uid),
      message: `a connection of user ${asNobody.uid} is refused: the server has 2 connections, as many as maxConnections allows`,
    }),
  ]);
});

test('a connection counts while its peer is being identified, and no longer if that fails', async () => {
  const { path, next, refused } = await listen({ maxConnectionsPerUser: 3 });
  const asked = vi.spyOn(native, 'peerOf');
  onTestFinished(() => asked.mockRestore());
  const unknown = new Error('the system does not tell');
  let answer = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  asked.mockImplementation(() => answered.then(() => Promise.reject(unknown)));
  connectMany(path, 20);
  await expect.poll(() => refused.length).toBe(17);
  expect(asked).toHaveBeenCalledTimes(3);
  answer();
  await expect.poll(() => refused.length).toBe(20);
  expect(refused.slice(17)).toEqual([unknown, unknown, unknown]);
  asked.mockRestore();
  connectMany(path, 3);
  for (let i = 0; i < 3; i++) await next();
  expect(refused).toHaveLength(20);
});

test('connectLocally rejects if the server refused the client meanwhile', async () => {
  const { path, next, refused } = await listen({ maxConnections: 1 });
  connectMany(path, 1);
  await next();
  const { peerOf } = native;
  const asked = vi.spyOn(native, 'peerOf').mockImplementation(async (fd) => {
    const answer = peerOf(fd);
    await expect.poll(() => refused.length).toBe(1);
    // The server has closed its end: this end reads that in the next turns of the event loop.
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    return answer;
  });
  onTestFinished(() => asked.mockRestore());
  expect(await errorOf<Error>(connectLocally(path))).toMatchObject({
    code: 'ECONNRESET',
    message:
      `connectLocally: the server at ${path} closed the connection as soon as it was made; ` +
      'it may have as many connections as it takes, of this user or in total: try again later',
  });
});

test('connectLocally waits for a server whose queue of new connections is full', async () => {
  const path = `${makeDirectory()}/busy.sock`;
  const program = `require('node:net').createServer(() => {}).listen(process.argv[1], () => console.log('here'))`;
  const server = spawn(process.execPath, ['--eval', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void server.kill('SIGKILL'));
  await once(createInterface({ input: server.stdout }), 'line');
  await stopProcess(server.pid as number);
  const queued = connectMany(path, 700);
  const full = new Promise((resolve) => {
    for (const socket of queued) socket.on('error', resolve);
  });
  expect(await full).toMatchObject({ code: 'EAGAIN' });
  const connecting = connectLocally(path);
  expect(await staysPending(connecting)).toBe(true);
  server.kill('SIGCONT');
  const { socket, peer } = await connecting;
  expect(peer.pid).toBe(server.pid);
  socket.destroy();
});

test.each(['maxConnections', 'maxConnectionsPerUser'] as const)('an invalid %s is rejected', async (name) => {
  const path = `${makeDirectory()}/broker.sock`;
  for (const value of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '5' as unknown as number]) {
    const error = await errorOf<Error>(LocalServer.listen({ path, [name]: value }, () => {}));
    expect(error).toBeInstanceOf(RangeError);
    expect(error.message).toMatch(new RegExp(`^${name} must be a whole number of at least 1, not `));
  }
});
