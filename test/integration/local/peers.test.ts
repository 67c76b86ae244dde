import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect, onTestFinished, test } from 'vitest';
import { connectLocally } from '../../../src/local/index.js';
import { peerOf } from '../../../src/local/socket-peer.js';
import { LocalClient } from '../../support/local-client.js';
import { openBridge } from '../../support/rig.js';
import { errorOf } from '../../support/time.js';
import { listen } from './helpers.js';

const bridge = openBridge();
const own = (await bridge.openSession()).identity;
// Where a login is known, a process cannot leave its session by setsid.
const byLogin = own.source !== 'proc' || own.connectTime === 0n;

/** Unlike `once`, ignores errors before the event. */
const closeOf = (socket: Socket) => new Promise<unknown>((resolve) => socket.once('close', resolve));

test('a peer is the process that connected, with its session and user', async () => {
  const { path, next } = await listen();
  for (const ownSession of [false, true]) {
    await using client = await LocalClient.connect(path, { ownSession });
    const { peer } = await next();
    expect(peer.pid).toBe(client.pid);
    expect(peer.uid).toBe(process.getuid?.());
    const { identity } = await bridge.openSession({ pid: client.pid });
    expect(peer.identity).toEqual({ ...identity, userId: String(peer.uid) });
  }
});

test('peers of different kernel sessions have different identities', async () => {
  const { path, next } = await listen();
  await using a = await LocalClient.connect(path, { ownSession: true });
  const { peer: first } = await next();
  await using b = await LocalClient.connect(path, { ownSession: true });
  const { peer: second } = await next();
  await using c = await LocalClient.connect(path);
  const { peer: here } = await next();
  expect([first.pid, second.pid, here.pid]).toEqual([a.pid, b.pid, c.pid]);
  expect(here.identity).toEqual({ ...own, userId: String(here.uid) });
  const ids = [first, second, here].map(({ identity }) => identity.id);
  expect(new Set(ids).size).toBe(byLogin ? 1 : 3);
});

test('a session opens for the identity of a peer, and rejects objects that look like one', async () => {
  const { path, next } = await listen();
  await using _client = await LocalClient.connect(path, { ownSession: true });
  const { peer } = await next();
  const session = await bridge.openSession({ peer });
  expect(session.identity).toEqual(peer.identity);
  const claimed = JSON.parse(JSON.stringify({ identity: { id: peer.identity.id }, pid: peer.pid }));
  const error = await errorOf<Error>(bridge.openSession({ peer: claimed }));
  expect(error).toBeInstanceOf(TypeError);
  expect(error.message).toBe(
    'peer must be what a LocalServer gives with a connection, not an object (Object)',
  );
});

test('no data is read before the peer is identified, and no data is lost', async () => {
  const { path, next } = await listen();
  const client = connect(path);
  client.write('early ');
  const { socket } = await next();
  expect(socket.bytesRead).toBe(0);
  client.end('late');
  // Any time later.
  await new Promise(setImmediate);
  expect(await text(socket)).toBe('early late');
});

test('a socket starts to flow when a listener is added, at any time', async () => {
  const { path, next } = await listen();
  const client = connect(path);
  client.write('hello');
  const { socket } = await next();
  await new Promise(setImmediate);
  const [data] = await once(socket, 'data');
  expect(String(data)).toBe('hello');
  client.destroy();
});

test('a client that has ended before it is identified is rejected', async () => {
  const { path, refused, next } = await listen();
  // No connection is accepted while this thread is blocked.
  const program = 'require("node:net").connect(process.argv[1], () => process.exit())';
  expect(spawnSync(process.execPath, ['--eval', program, path]).status).toBe(0);
  await using client = await LocalClient.connect(path);
  expect((await next()).peer.pid).toBe(client.pid);
  expect(refused).toEqual([
    expect.objectContaining({
      code: 'BRIDGE_E_SESSION_UNKNOWN',
      message: expect.stringContaining('which made this connection, has ended'),
    }),
  ]);
});

test('a connection that breaks emits close, with or without listeners for errors', async () => {
  const { path, next } = await listen();
  const client = await LocalClient.connect(path);
  const { socket } = await next();
  await client.kill();
  socket.write('somebody there?');
  socket.write('anybody?');
  await closeOf(socket);
  expect(socket.destroyed).toBe(true);
});

test('a client can identify the server', async () => {
  const { path, next } = await listen();
  const { socket, peer } = await connectLocally(path);
  expect(peer).toMatchObject({ pid: process.pid, identity: own });
  socket.end('hello');
  expect(await text((await next()).socket)).toBe('hello');
  expect(await errorOf(connectLocally(`${path}.not`))).toMatchObject({ code: 'ENOENT' });
});

test('a socket that is not a Unix socket is rejected with the reason', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect(port, '127.0.0.1');
  await once(client, 'connect');
  expect(await errorOf(peerOf(client))).toMatchObject({
    code: 'SCARD_E_INVALID_PARAMETER',
    message: expect.stringContaining('another family'),
  });
  client.destroy();
  expect((await errorOf<Error>(peerOf(new Socket()))).message).toBe('peerOf: the socket is not connected');
});

test('closing ends every connection, also those being accepted', async () => {
  const { server, path, next } = await listen();
  const client = await LocalClient.connect(path);
  await next();
  const late = connect(path);
  late.on('error', () => {});
  const closed = closeOf(late);
  await server.close();
  await server.close();
  expect(await client.line()).toBeUndefined();
  await closed;
  await client.ended;
});
