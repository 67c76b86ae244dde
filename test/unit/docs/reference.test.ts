import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../support/documentation.js';

test('the API reference is made without a warning: no link leads nowhere, nothing public is left out', () => {
  const made = spawnSync('npx', ['--no-install', 'typedoc', '--emit', 'none'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(made.stdout + made.stderr).not.toMatch(/\[(?:warning|error)\]/);
  expect(made.status).toBe(0);
});

test('every subpath export is in the API reference and in the README', () => {
  const read = (file: string) => readFileSync(join(root, file), 'utf8');
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, unknown> };
  const { entryPoints } = JSON.parse(read('typedoc.json')) as { entryPoints: string[] };
  const subpaths = Object.keys(exports).filter((path) => path !== './package.json' && path !== '.');
  expect(subpaths.length).toBeGreaterThan(5);

  const documented = entryPoints.map((path) => dirname(path).split('/').pop());
  expect(documented.slice(1).sort()).toEqual(subpaths.map((path) => path.slice(2)).sort());
  const readme = read('README.md');
  // In a table of imports; those of a row share the name of the package.
  for (const path of subpaths) expect(readme, path).toMatch(new RegExp(`\`(pcsc-bridge)?${path.slice(1)}\``));
});
