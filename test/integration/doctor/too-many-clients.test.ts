import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { startRig } from '../../support/rig.js';
import { runCli } from '../../support/run-cli.js';
import { findingOf, parseReport } from './report-schema.js';

const rig = await startRig({ slots: 1 });

/** A client of the daemon that has exchanged versions and stays connected; undefined if the daemon accepts no more. */
async function client(): Promise<Socket | undefined> {
  const socket = connect(rig.socket);
  const refusedForNow = await once(socket, 'connect').then(
    () => false,
    () => true,
  );
  if (refusedForNow) {
    // The queue of connections is short, and the daemon takes one after the other.
    await sleep(10);
    return client();
  }
  const hello = Buffer.alloc(20);
  hello.writeUInt32LE(12, 0);
  hello.writeUInt32LE(0x11, 4);
  hello.writeInt32LE(4, 8);
  hello.writeInt32LE(4, 12);
  const answered = once(socket, 'data').then(
    () => true,
    () => false,
  );
  const closed = new Promise<false>((resolve) => socket.once('close', () => resolve(false)));
  socket.on('error', () => {}).write(hello);
  return (await Promise.race([answered, closed])) ? socket : undefined;
}

test('a daemon at its limit of clients is distinguished from one that refuses the user', async () => {
  const clients: Socket[] = [];
  try {
    for (let next = await client(); next; next = await client()) clients.push(next);
    expect(clients.length).toBeGreaterThan(100);
    const { code, stdout } = await runCli(['doctor', '--json'], rig.env);
    const report = parseReport(stdout);
    const service = findingOf(report, 'pcsc-service');
    expect(service).toMatchObject({
      attention: true,
      note: expect.stringContaining('200 contexts per host'),
    });
    expect(findingOf(report, 'pcscd-protocol').note).toContain('200 contexts per host');
    expect(code).toBe(1);
  } finally {
    for (const one of clients) one.destroy();
  }
}, 60_000);
