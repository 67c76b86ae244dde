/** connectLocally: its limits, and its behaviour if the server ends. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished, test } from 'vitest';
import { connectLocally, LocalServer } from '../../../src/local/index.js';
import { errorOf } from '../../support/time.js';

const directory = mkdtempSync(join(tmpdir(), 'connect-'));
afterAll(() => rmSync(directory, { recursive: true }));

test('an aborted signal ends connectLocally at once', async () => {
  const path = join(directory, 'aborted.sock');
  await using _server = await LocalServer.listen({ path }, () => {});
  expect(await errorOf(connectLocally(path, { signal: AbortSignal.abort('enough') }))).toMatchObject({
    name: 'AbortError',
    cause: 'enough',
  });
});

test.skipIf(process.platform !== 'linux')(
  'a timeout ends connectLocally while the queue of the server is full',
  async () => {
    const path = join(directory, 'full.sock');
    const program = `require('node:net').createServer().listen({ path: process.argv[1], backlog: 1 }, () => {
    console.log('up');
    process.kill(process.pid, 'SIGSTOP');
  });`;
    const server = spawn(process.execPath, ['-e', program, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    onTestFinished(() => void server.kill('SIGKILL'));
    await once(server.stdout, 'data');
    // The system accepts one or two more than the backlog says; the others wait.
    const attempts = Array.from({ length: 6 }, () => connectLocally(path, { timeout: 200 }));
    const outcomes = await Promise.allSettled(attempts);
    for (const one of outcomes) if (one.status === 'fulfilled') one.value.socket.destroy();
    const reasons = outcomes.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []));
    expect(reasons.length).toBeGreaterThan(0);
    for (const reason of reasons) {
      expect(reason).toMatchObject({
        name: 'TimeoutError',
        message: 'connectLocally did not end within 200 ms; the server may be busy or hang',
      });
    }
  },
);

test('a server that dies ends the connection without an uncaught error', async () => {
  const path = join(directory, 'dies.sock');
  const server = await LocalServer.listen({ path }, () => {});
  const { socket } = await connectLocally(path, { timeout: 5000 });
  const closed = once(socket, 'close');
  await server.close();
  socket.write('to nobody');
  await closed;
});
