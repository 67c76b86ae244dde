/** The links of the documentation work for those who only have the package. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { pack } from '../../support/pack.js';

const project = mkdtempSync(join(tmpdir(), 'readme-'));
afterAll(() => rmSync(project, { recursive: true }));
const [filename = ''] = pack(project, 'pcsc-bridge');
writeFileSync(join(project, 'package.json'), '{}');
// Those of the platforms are not published.
const options = ['--ignore-scripts', '--no-audit', '--no-fund', '--omit=optional'];
execFileSync('npm', ['install', ...options, join(project, filename)], { cwd: project, stdio: 'pipe' });
const installed = join(project, 'node_modules', 'pcsc-bridge');

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
