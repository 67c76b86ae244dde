import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCli, startCli } from '../../support/run-cli.js';

const here = [process.execPath, '-e'];

test('the command finds its readers in the environment, and the rig exits with its status', async () => {
  const program = `const rig = JSON.parse(process.env.PCSC_BRIDGE_RIG);
    if (!process.env.PCSCLITE_CSOCK_NAME || rig.readers.length !== 3 || rig.pin !== '98765432') process.exit(1);
    process.exit(7);`;
  const { code } = await runCli(['rig', '--readers', '3', '--pin', '98765432', '--', ...here, program]);
  expect(code).toBe(7);
});

test('a signal that ends the command gives the rig the status that a shell reports', async () => {
  const { code } = await runCli(['rig', '--', ...here, 'process.kill(process.pid, "SIGKILL")']);
  expect(code).toBe(128 + 9);
});

test('options after the command belong to the command', async () => {
  const { code, stdout } = await runCli(['rig', 'echo', '--readers', 'x']);
  expect(stdout).toBe('--readers x\n');
  expect(code).toBe(0);
});

test('more cards than readers are rejected', async () => {
  const { code, stderr } = await runCli(['rig', '--readers', '1', '--cards', '2']);
  expect(stderr).toContain('2 cards do not fit into 1 readers');
  expect(code).toBe(2);
});

test.each(['SIGINT', 'SIGTERM'] as const)(
  'without a command the rig prints how to reach it, and %s ends it without a trace',
  async (signal) => {
    const directory = mkdtempSync(join(tmpdir(), 'rig-'));
    const { process: child, ended } = startCli(['rig', '--readers', '2'], { TMPDIR: directory });
    let seen = '';
    while (!seen.includes('Interrupt (Ctrl-C)'))
      seen += String((await once(child.stdout as never, 'data'))[0]);
    expect(seen).toMatch(/Virtual Reader A 00 00 +\d+ +PIV card/);
    expect(seen).toMatch(/export PCSCLITE_CSOCK_NAME='.+'/);
    child.kill(signal);
    expect((await ended).code).toBe(0);
    expect(readdirSync(directory)).toEqual([]);
    rmdirSync(directory);
  },
);

test('a signal to the rig alone ends the command', async () => {
  const { process: child, ended } = startCli([
    'rig',
    '--',
    ...here,
    'console.log("up"); setInterval(() => {}, 1000)',
  ]);
  while (!String((await once(child.stdout as never, 'data'))[0]).includes('up'));
  child.kill('SIGTERM');
  expect((await ended).code).toBe(128 + 15);
});
