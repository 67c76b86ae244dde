/** What README.md says about the package is true, and its links work for those who only have the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { read } from '../../support/documentation.js';
import { pack } from '../../support/pack.js';

const project = mkdtempSync(join(tmpdir(), 'readme-'));
afterAll(() => rmSync(project, { recursive: true }));
const [filename = ''] = pack(project, 'pcsc-bridge');
writeFileSync(join(project, 'package.json'), '{}');
// Those of the platforms are not published.
const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional'];
execFileSync('npm', ['install', ...options, join(project, filename)], { cwd: project, stdio: 'pipe' });
const modules = join(project, 'node_modules');
const installed = join(modules, 'pcsc-bridge');

/** The numbers in the README's sentence about the size of an installation. */
const [, packages, megabytes] =
  /An install is (\d+) npm packages, .*? of (\d+) MB/.exec(read('README.md')) ?? [];

// A dependency's new release may bring a package more or less of its own.
test('an installation has as many packages as README.md says, give or take one', () => {
  const lock = JSON.parse(readFileSync(join(project, 'package-lock.json'), 'utf8'));
  const names = Object.keys(lock.packages).filter((path) => path !== '');
  expect(Math.abs(names.length - Number(packages))).toBeLessThanOrEqual(1);
});

test('an installation is as large as README.md says, without the addons', () => {
  const files = readdirSync(modules, { recursive: true, encoding: 'utf8' })
    .filter((path) => !path.startsWith('pcsc-bridge/prebuilds/'))
    .map((path) => statSync(join(modules, path)));
  const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  expect(Math.abs(bytes / 1e6 - Number(megabytes))).toBeLessThan(1);
});

/** The relative links of a page of the package, and their targets relative to its root. */
function linksOf(page: string): string[] {
  const text = readFileSync(join(installed, page), 'utf8').replace(/^```.*?^```/gms, '');
  return [...text.matchAll(/\]\(([^)#\s]+)/g)]
    .map(([, link = '']) => link)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(page), link)));
}

test.each(['README.md', 'CONTRIBUTING.md', 'CHANGELOG.md', ...docs()])(
  'the links of %s stay inside the package',
  (page) => {
    expect(linksOf(page).filter((target) => !existsSync(join(installed, target)))).toEqual([]);
  },
);

test('README.md links to the documentation', () => {
  expect(linksOf('README.md').filter((link) => link.startsWith('docs/')).length).toBeGreaterThan(3);
});

function docs(): string[] {
  return readdirSync(join(installed, 'docs')).map((name) => `docs/${name}`);
}
