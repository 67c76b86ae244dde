import { once } from 'node:events';
import {
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { LocalServer } from '../../../src/local/index.js';
import { runChild } from '../../support/child.js';
import { LocalClient } from '../../support/local-client.js';
import { errorOf } from '../../support/time.js';
import { asNobody, listen, makeDirectory, openDirectoryOf, skipWithoutNobody } from './helpers.js';

const NOBODY = asNobody.uid;
const isRoot = process.getuid?.() === 0;

test.each([
  [undefined, 0o600],
  ['owner', 0o600],
  ['group', 0o660],
  ['everyone', 0o666],
] as const)(
  'access %s sets mode %o, and leaves nothing but the socket in its directory',
  async (access, mode) => {
    const { path, server } = await listen({ access });
    expect(lstatSync(path).mode & 0o777).toBe(mode);
    expect(readdirSync(dirname(path))).toEqual(['broker.sock']);
    await server.close();
    expect(readdirSync(dirname(path))).toEqual([]);
  },
);

test('only access everyone admits other users', async ({ skip }) => {
  skipWithoutNobody(skip);
  for (const access of ['owner', 'group', 'everyone'] as const) {
    const { path, next } = await listen({ access });
    openDirectoryOf(path);
    if (access === 'everyone') {
      await using client = await LocalClient.connect(path, asNobody);
      expect((await next()).peer).toMatchObject({ pid: client.pid, uid: NOBODY });
    } else {
      expect(await LocalClient.start(path, asNobody).ended).toEqual({ code: 1, stderr: 'EACCES' });
    }
  }
});

test("access group admits another user of the socket's group", async ({ skip }) => {
  skipWithoutNobody(skip);
  const { path, next } = await listen({ access: 'group' });
  openDirectoryOf(path);
  chownSync(path, 0, NOBODY);
  await using _client = await LocalClient.connect(path, asNobody);
  expect((await next()).peer.uid).toBe(NOBODY);
});

/** What a server that was killed leaves behind. */
async function leaveStale(path: string): Promise<void> {
  const { signal } = await runChild(`
    const { LocalServer } = await import(bridge.replace('index.js', 'local/index.js'));
    await LocalServer.listen({ path: ${JSON.stringify(path)} }, () => {});
    process.kill(process.pid, 'SIGKILL');`);
  expect(signal).toBe('SIGKILL');
  expect(lstatSync(path).isSocket()).toBe(true);
}

test('a socket of a server that died is replaced', async () => {
  const path = join(makeDirectory(), 'broker.sock');
  await leaveStale(path);
  const { next } = await listen({ path });
  await using client = await LocalClient.connect(path);
  expect((await next()).peer.pid).toBe(client.pid);
  expect(readdirSync(dirname(path))).toEqual(['broker.sock']);
});

test('of many servers that find a stale socket at once one listens, and the others fail', async () => {
  const path = join(makeDirectory(), 'broker.sock');
  await leaveStale(path);
  const tries = await Promise.allSettled(
    Array.from({ length: 8 }, () => LocalServer.listen({ path }, ({ socket }) => socket.end('here\n'))),
  );
  const servers = tries.flatMap((it) => (it.status === 'fulfilled' ? [it.value] : []));
  onTestFinished(async () => void (await Promise.all(servers.map((server) => server.close()))));
  expect(servers).toHaveLength(1);
  const codes = tries.flatMap((it) => (it.status === 'rejected' ? [it.reason.code] : []));
  expect(codes).toEqual(Array(7).fill('EADDRINUSE'));
  await using client = await LocalClient.connect(path);
  expect(await client.line()).toBe('here');
});

test('a file left by a server that was killed during its start is reported by name', async () => {
  const path = join(makeDirectory(), 'broker.sock');
  mkdirSync(join(dirname(path), '.broker.sock.new'));
  expect(await errorOf(LocalServer.listen({ path }, () => {}))).toMatchObject({
    code: 'EADDRINUSE',
    message: expect.stringMatching(/is starting to listen .* remove .*\/\.broker\.sock\.new$/),
  });
});

test('if another server listens at the path, listen() fails', async () => {
  const { path, next } = await listen();
  expect(await errorOf(LocalServer.listen({ path }, () => {}))).toMatchObject({
    code: 'EADDRINUSE',
    message: `LocalServer: another process already listens at ${path}`,
  });
  await next(); // the other server was contacted
  await using _client = await LocalClient.connect(path);
  await next();
});

test('a path that is not a socket stays: a file, a directory, a link and its target', async () => {
  const directory = makeDirectory();
  const file = join(directory, 'file');
  const link = join(directory, 'link');
  const folder = join(directory, 'folder');
  writeFileSync(file, 'precious');
  symlinkSync(file, link);
  mkdirSync(folder);
  for (const path of [file, link, folder]) {
    expect(await errorOf(LocalServer.listen({ path }, () => {}))).toMatchObject({
      code: 'EEXIST',
      message: `LocalServer: ${path} exists and is not a socket; it is left unchanged`,
    });
  }
  expect(readFileSync(link, 'utf8')).toBe('precious');
  expect(readdirSync(directory)).toEqual(['file', 'folder', 'link']);
});

test("another user's stale socket stays", async ({ skip }) => {
  skip(!isRoot, 'only root can give a file to another user');
  const path = join(makeDirectory(), 'broker.sock');
  await leaveStale(path);
  chownSync(path, NOBODY, NOBODY);
  expect(await errorOf(LocalServer.listen({ path }, () => {}))).toMatchObject({
    code: 'EEXIST',
    message: `LocalServer: ${path} is the socket of another user (uid ${NOBODY}); it is left unchanged`,
  });
  expect(lstatSync(path).uid).toBe(NOBODY);
});

test('closing leaves the file at the path if it has been replaced', async () => {
  const { path, server } = await listen();
  const other = createServer();
  rmSync(path);
  other.listen(path);
  onTestFinished(() => void other.close());
  await once(other, 'listening');
  await server.close();
  expect(existsSync(path)).toBe(true);
});

test('an invalid path is rejected with the reason', async () => {
  const long = join(makeDirectory(), 'x'.repeat(120));
  expect(await errorOf(LocalServer.listen({ path: long }, () => {}))).toMatchObject({ code: 'ENAMETOOLONG' });
  const nowhere = join(makeDirectory(), 'nowhere', 'broker.sock');
  expect(await errorOf(LocalServer.listen({ path: nowhere }, () => {}))).toMatchObject({ code: 'ENOENT' });
});
