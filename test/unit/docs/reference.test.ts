import { spawnSync } from 'node:child_process';
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
