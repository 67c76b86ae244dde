/** What other tools report about the package. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'types-'));
afterAll(() => rmSync(work, { recursive: true }));
const [{ filename }] = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }),
) as [{ filename: string }];
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
test('the types are correct for ES modules, CommonJS and bundlers', () => {
  const { status } = spawnSync(
    'npx',
    [
      '--no-install',
      'attw',
      tarball,
      '--profile',
      'node16',
      '--exclude-entrypoints',
      './vitest',
      '--no-emoji',
      '--format',
      'ascii',
    ],
    { cwd: root, encoding: 'utf8' },
  );
  expect(status).toBe(0);
});
