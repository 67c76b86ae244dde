import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { runCli } from '../../support/run-cli.js';
import { findingOf, parseReport } from './report-schema.js';

const cli = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));
const NOBODY = 65_534;
const asNobody = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--inh-caps=-all'];

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
const { name: reader } = readerAt(rig, 0);

interface Clients {
  clients: { pid: number; program: string; user: string; connections: number }[];
  unseen: number;
}
const clientsOf = async () =>
  JSON.parse((await runCli(['readers', '--clients', '--json'])).stdout) as Clients;

test('readers --clients lists the processes that use pcscd, until they have ended', async () => {
  await using bridge = new CardBridge();
  await using session = await bridge.openSession();
  await using _card = await session.connect(reader);
  const holder = await CardHold.start(reader);
  const { clients, unseen } = await clientsOf();
  const user = execFileSync('id', ['-un'], { encoding: 'utf8' }).trim();
  expect(unseen).toBe(0);
  expect(clients).toContainEqual({
    pid: process.pid,
    program: expect.any(String),
    user,
    connections: bridge.stats().process.contexts,
  });
  expect(clients).toContainEqual({ pid: holder.pid, program: 'pcsc-holder', user, connections: 1 });
  await holder.release();
  expect((await clientsOf()).clients.map(({ pid }) => pid)).not.toContain(holder.pid);
});

test('the doctor lists them, too', async () => {
  await using holder = await CardHold.start(reader);
  const report = parseReport((await runCli(['doctor', '--json'])).stdout);
  const { value, note } = findingOf(report, 'pcscd-clients');
  expect(value).toMatch(/^\d+ connections?$/);
  expect(note).toContain(`pcsc-holder (process ${holder.pid} of `);
});

test('another user sees only the number of processes that it may not inspect', async ({ skip }) => {
  skip(process.getuid?.() !== 0, 'only root can act as another user');
  skip(
    spawnSync(asNobody[0] as string, [...asNobody.slice(1), process.execPath, cli, '--version'], {
      cwd: '/',
    }).status !== 0,
    `user ${NOBODY} may not read this checkout`,
  );
  await using holder = await CardHold.start(reader);
  chmodSync(rig.directory, 0o711);
  try {
    const command = [...asNobody, process.execPath, cli, 'readers', '--clients', '--json'];
    const { stdout } = spawnSync(command[0] as string, command.slice(1), { cwd: '/', encoding: 'utf8' });
    const { clients, unseen } = JSON.parse(stdout) as Clients;
    expect(clients.map(({ pid }) => pid)).not.toContain(holder.pid);
    expect(unseen).toBeGreaterThanOrEqual(1);
  } finally {
    chmodSync(rig.directory, 0o700);
  }
});
