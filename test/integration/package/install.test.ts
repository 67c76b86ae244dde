/** What users get: the packed package, installed into an empty directory on a machine without a compiler. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { lines, nodeOf } from '../../support/nodes.js';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const platform = `linux-${process.arch}`;
const work = mkdtempSync(join(tmpdir(), 'package-'));
afterAll(() => rmSync(work, { recursive: true }));

execFileSync(join(root, 'scripts/prebuild'), [platform], { stdio: 'pipe' });
const packed = JSON.parse(
  execFileSync('npm', ['pack', '--json', '--ignore-scripts', '--pack-destination', work], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  }),
)[0] as { filename: string; files: { path: string }[] };

// A PATH that has npm and what it needs, and no compiler.
const bin = join(work, 'bin');
mkdirSync(bin);
for (const tool of ['sh', 'env', 'uname']) {
  symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(bin, tool));
}
symlinkSync(process.execPath, join(bin, 'node'));
const npm = realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
symlinkSync(npm, join(bin, 'npm'));

const project = join(work, 'project');
mkdirSync(project);
writeFileSync(join(project, 'package.json'), '{}');
const install = spawnSync(
  'npm',
  ['install', '--no-audit', '--no-fund', '--foreground-scripts', join(work, packed.filename)],
  { cwd: project, env: { ...process.env, PATH: bin }, encoding: 'utf8', timeout: 300_000 },
);
const installed = join(project, 'node_modules', 'pcsc-bridge');

const quickStart = `
const reader = (await session.listReaders())[0];
const command = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x05, 0xa0, 0x00, 0x00, 0x03, 0x08);
const response = await session.transaction(reader, (card) => card.exchange(command));
console.log(reader, response.sw.toString(16), bridge.cache.entries().length);
await bridge.close();`;
writeFileSync(
  join(project, 'quick.mjs'),
  `import { CardBridge } from 'pcsc-bridge';
const bridge = new CardBridge();
const session = await bridge.openSession();${quickStart}`,
);
writeFileSync(
  join(project, 'quick.cjs'),
  `const { CardBridge } = require('pcsc-bridge');
const { toHex } = require('pcsc-bridge/apdu');
(async () => {
const bridge = new CardBridge();
const session = await bridge.openSession();${quickStart}
console.log(toHex(Uint8Array.of(1)));
})();`,
);

test('the package contains addon and programs, no tests, and no paths of this machine', () => {
  const paths = packed.files.map(({ path }) => path);
  for (const name of ['pcsc_bridge.node', 'pcsc-holder', 'pcsc-bridge-agent']) {
    expect(paths).toContain(`prebuilds/${platform}/${name}`);
  }
  expect(paths.filter((path) => /^(test|build|bench|node_modules|\.cache)\//.test(path))).toEqual([]);
});

test('the package installs without a compiler, and compiles nothing', () => {
  expect(install.stderr + install.stdout).not.toMatch(/gyp|ERR/);
  expect(install.status).toBe(0);
  expect(existsSync(join(installed, 'build'))).toBe(false);
});

test('the reproduction with agents runs from the package', () => {
  const { stdout, status } = spawnSync(
    'npx',
    ['--no-install', 'pcsc-bridge', 'repro', '--agents', '--sessions', '2', '--hold', '2500'],
    { cwd: project, encoding: 'utf8' },
  );
  expect(stdout).toContain('Fixed: ');
  expect(status).toBe(0);
});

test('the package has few dependencies', () => {
  const names = readdirSync(join(project, 'node_modules')).flatMap((name) =>
    name.startsWith('@') ? readdirSync(join(project, 'node_modules', name)) : name,
  );
  expect(names.filter((name) => !name.startsWith('.')).length).toBeLessThanOrEqual(20);
});

describe.each(lines)('with Node %s', (line) => {
  const node = nodeOf(line);

  test.each(['quick.mjs', 'quick.cjs'])('%s runs in a rig', (program) => {
    const cli = join(installed, 'dist/tools/cli/main.js');
    const { stdout, stderr, status } = spawnSync(
      node,
      [cli, 'rig', '--readers', '1', '--', node, join(project, program)],
      {
        cwd: project,
        encoding: 'utf8',
        env: { ...process.env, PATH: `${dirname(node)}:${process.env['PATH']}` },
      },
    );
    expect(stderr).toBe('');
    expect(stdout).toContain('Virtual Reader A 00 00 9000 1\n');
    expect(status).toBe(0);
  });

  test('the reproduction runs from the package', () => {
    const { stdout, status } = spawnSync(
      node,
      [join(installed, 'dist/tools/cli/main.js'), 'repro', '--sessions', '2', '--hold', '2500'],
      { cwd: project, encoding: 'utf8' },
    );
    expect(stdout).toContain('Fixed: ');
    expect(status).toBe(0);
  });
});
