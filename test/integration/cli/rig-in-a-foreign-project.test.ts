/** Projects that do not use this library run their tests in a rig: those that docs/ci.md shows. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { packagesDirectory } from '../../../src/testing/rig/parts.js';
import { read, root } from '../../support/documentation.js';
import { runCli } from '../../support/run-cli.js';

/** Debian's interpreter is the one that sees Debian's pyscard. */
const python = '/usr/bin/python3';
const modules = ['/', packagesDirectory()]
  .map((directory) => join(directory, 'usr/lib/python3/dist-packages'))
  .find((directory) => existsSync(join(directory, 'smartcard')));
const reason = modules ? '' : ' (skipped: package python3-pyscard not installed)';

/** A project with the file of docs/ci.md that has this name in its first line. */
function projectWith(file: string): string {
  const block = new RegExp(`^\`\`\`\\w+\\n((?://|#) ${file}\\n.*?)^\`\`\``, 'ms').exec(read('docs/ci.md'));
  if (!block?.[1]) throw new Error(`docs/ci.md shows no ${file}`);
  const project = mkdtempSync(join(tmpdir(), 'foreign-'));
  onTestFinished(() => rmSync(project, { recursive: true }));
  writeFileSync(join(project, file), block[1]);
  return project;
}

/** npm's pcsc-mini with its prebuilt addon, fetched once into .cache. */
function pcscMini(): string {
  const directory = join(root, '.cache/foreign');
  if (!existsSync(join(directory, 'node_modules/pcsc-mini'))) {
    mkdirSync(directory, { recursive: true });
    const options = ['--prefix', directory, '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['install', ...options, 'pcsc-mini@0.1.3'], { stdio: 'pipe' });
  }
  return join(directory, 'node_modules');
}

/** A project of Node's own test runner. */
function nodeProject(): string {
  const project = projectWith('card.test.mjs');
  const about = { name: 'foreign', private: true, scripts: { test: 'node --test' } };
  writeFileSync(join(project, 'package.json'), JSON.stringify(about));
  symlinkSync(pcscMini(), join(project, 'node_modules'));
  return project;
}

test('npm test with pcsc-mini finds the readers and reads the cards', async () => {
  const { code, stdout } = await runCli(['rig', '--', 'npm', 'test'], {}, nodeProject());
  expect(stdout).toMatch(/^(#|ℹ) pass 1$/m);
  expect(stdout).toMatch(/^(#|ℹ) fail 0$/m);
  expect(code).toBe(0);
});

test('npm test that fails because there is no card makes the rig fail', async () => {
  const { code, stdout } = await runCli(['rig', '--cards', '1', '--', 'npm', 'test'], {}, nodeProject());
  expect(stdout).toMatch(/^(#|ℹ) fail 1$/m);
  expect(code).toBe(1);
});

describe.skipIf(!modules)(`Python with pyscard${reason}`, () => {
  const env = modules ? { PYTHONPATH: modules, PYTHONDONTWRITEBYTECODE: '1' } : {};

  test('finds the readers and reads the cards', async () => {
    const run = runCli(['rig', '--', python, '-m', 'unittest'], env, projectWith('test_card.py'));
    const { code, stderr } = await run;
    expect(stderr).toMatch(/^Ran 1 test in .*\n\nOK$/m);
    expect(code).toBe(0);
  });
});
