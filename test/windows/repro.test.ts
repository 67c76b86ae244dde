import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { ReproResult } from '../../src/tools/repro/result.js';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { type NodeName, nodes, WineRun } from './wine.js';

const pin = '271828';
const rig = await startRig({ slots: 3 });
for (const slot of [0, 1, 2]) await insertPiv(rig, slot, { pin });
const readers = [0, 1, 2].map((slot) => readerAt(rig, slot).name);
const share = await mkdtemp(join(tmpdir(), 'pcsc-bridge-repro-'));
afterAll(() => rm(share, { recursive: true }));

async function reproduce(name: NodeName, windows?: string, env: Record<string, string> = {}) {
  const { program, stage } = nodes[name];
  const json = join(share, `${name}.json`);
  const words = readers.flatMap((reader) => ['--reader', reader]);
  const command = [
    program,
    `${stage}/dist/tools/cli/main.js`,
    'repro',
    ...words,
    '--hold',
    '3000',
    '--json',
    json,
  ];
  const options = { rig, share, env: { PCSC_BRIDGE_PIN: pin, ...env }, ...(windows && { windows }) };
  const end = await WineRun.start(command, options).ended;
  expect(end.code, end.stdout + end.stderr).toBe(0);
  expect(end.stdout).toContain('Fixed: ');
  return JSON.parse(await readFile(json, 'utf8')) as ReproResult;
}

function expectFixed(result: ReproResult) {
  expect(result.verdict).toBe('fixed');
  expect(result.environment['platform']).toBe('win32 x64');
  const blockedBy = (filter: string) =>
    result.runs.find((run) => run.filter === filter)?.logons.map((logon) => logon.blockedBy);
  expect(blockedBy('off')).toEqual([readers[0], readers[0]]);
  expect(blockedBy('on')).toEqual([null, null]);
}

test.each([20, 24] as const)('Node.js %i on Windows reproduces the fault and shows the fix', async (name) => {
  const result = await reproduce(name);
  expectFixed(result);
  expect(result.environment['node']).toMatch(new RegExp(`^v${name}\\.`));
});

test('Node.js 20 on Windows that reports to be Server 2008 does so, too', async () => {
  expectFixed(await reproduce(20, 'win2008', { NODE_SKIP_PLATFORM_CHECK: '1' }));
});
