/** What other tools report about the package. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { pack } from '../../support/pack.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'types-'));
afterAll(() => rmSync(work, { recursive: true }));
const [filename = ''] = pack(work, 'pcsc-bridge');
const tarball = join(work, filename);

test('publint reports nothing', () => {
  const { stdout, status } = spawnSync('npx', ['--no-install', 'publint', 'run', tarball, '--strict'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(stdout).toContain('All good!');
  expect(status).toBe(0);
});

// vitest itself is an ES module only.
test('the types are correct for ES modules, CommonJS, bundlers and node10', () => {
  const { status } = spawnSync(
    'npx',
    [
      '--no-install',
      'attw',
      tarball,
      '--exclude-entrypoints',
      './vitest',
      // Jest's set-up, whose CommonJS entry takes all exports of the ES module, the default one included.
      '--ignore-rules',
      'false-export-default',
      '--no-emoji',
      '--format',
      'ascii',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  expect(status).toBe(0);
});
