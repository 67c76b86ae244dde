import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { read, root } from '../../support/documentation.js';

test('the API reference is generated without a warning: every link has a target, every public export is included', {
  timeout: 60_000,
}, () => {
  const made = spawnSync('npx', ['--no-install', 'typedoc', '--emit', 'none'], {
    cwd: root,
    encoding: 'utf8',
  });
  expect(made.stdout + made.stderr).not.toMatch(/\[(?:warning|error)\]/);
  expect(made.status).toBe(0);
});

describe('every subpath of package.json', () => {
  const { exports } = JSON.parse(read('package.json')) as { exports: Record<string, object | string> };
  const subpaths = Object.entries(exports).flatMap(([name, target]) => {
    const built = /"default":"\.\/dist\/((?:[\w-]+\/)*index)\.js"/.exec(JSON.stringify(target))?.[1];
    return built ? [{ name: name.slice(1), source: `src/${built}.ts` }] : [];
  });

  test('is in the API reference', () => {
    const { entryPoints } = JSON.parse(read('typedoc.json')) as { entryPoints: string[] };
    expect(subpaths.map(({ source }) => source).sort()).toEqual(entryPoints.sort());
  });

  test('is in the README', () => {
    const readme = read('README.md');
    expect(subpaths.filter(({ name }) => !readme.includes(`${name}\``))).toEqual([]);
  });
});
