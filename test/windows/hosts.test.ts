/** The programs that load the addon. It takes Node-API from the program that loads it. */
import { expect, test } from 'vitest';
import { nodes, WineRun } from './wine.js';

/** Copies and starts it, without leaving Wine, which deletes the copy. */
const renamed = (program: string) => `
  const { copyFileSync } = require('node:fs');
  const { spawnSync } = require('node:child_process');
  const copy = 'C:\\\\electron.exe';
  copyFileSync(process.execPath, copy);
  const { status, stderr } = spawnSync(copy, [${JSON.stringify(program)}], { stdio: ['ignore', 1, 'pipe'] });
  process.stderr.write(String(stderr));
  process.exit(status ?? 99);
`;

test.each([20, 24, 'ia32'] as const)('Node.js %s under another name loads the addon', async (name) => {
  const { program, stage } = nodes[name];
  const run = WineRun.start([program, '-e', renamed(`${stage}/programs/session.mjs`)]);
  expect(await run.answer()).toMatchObject({ platform: 'win32', own: { id: 1 } });
});

test('main thread and worker threads load the addon, and end in any order', async () => {
  const { program, stage } = nodes[24];
  const run = WineRun.start([program, `${stage}/programs/workers.mjs`]);
  expect(await run.answer()).toEqual({ sessions: [1, 1, 1, 1], ends: [0, 0, 0] });
});
