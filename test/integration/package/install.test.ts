/** What users get: the packages, installed from a registry into an empty directory on a machine without a compiler. */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { read, root } from '../../support/documentation.js';
import { lines, nodeOf, npmBinary } from '../../support/nodes.js';
import { pack } from '../../support/pack.js';
import { platforms } from '../../support/platforms.js';
import { startRegistry } from '../../support/registry.js';

const platform = `linux-${process.arch}`;
const work = mkdtempSync(join(tmpdir(), 'package-'));
afterAll(() => rmSync(work, { recursive: true }));

const built = platforms.filter(({ name }) => existsSync(join(root, 'prebuilds', name)));

execFileSync(join(root, 'scripts/prebuild'), [platform], { stdio: 'pipe' });
const tarballs = join(work, 'tarballs');
pack(tarballs, 'pcsc-bridge', 'source', ...built.map(({ name }) => name));
// Empty ones of the other platforms, as the registry of npm has them all; yarn asks for each. None is installed here.
const { version } = JSON.parse(read('package.json'));
for (const { name, os, cpu, libc } of platforms.filter((platform) => !built.includes(platform))) {
  const directory = join(work, 'empty', name);
  mkdirSync(join(directory, 'package'), { recursive: true });
  const manifest = {
    name: `@pcsc-bridge/${name}`,
    version,
    os: [os],
    cpu: [cpu],
    ...(libc && { libc: [libc] }),
  };
  writeFileSync(join(directory, 'package/package.json'), JSON.stringify(manifest));
  execFileSync('tar', ['-czf', join(tarballs, `empty-${name}.tgz`), '-C', directory, 'package']);
}
const registry = await startRegistry(tarballs);
afterAll(() => registry[Symbol.asyncDispose]());

// A PATH that has Node.js, package managers and what these need, and no compiler.
const bin = join(work, 'bin');
mkdirSync(bin);
for (const tool of ['sh', 'env', 'uname']) {
  symlinkSync(execFileSync('which', [tool], { encoding: 'utf8' }).trim(), join(bin, tool));
}
symlinkSync(process.execPath, join(bin, 'node'));
const npm = realpathSync(execFileSync('which', ['npm'], { encoding: 'utf8' }).trim());
symlinkSync(npm, join(bin, 'npm'));

/** A project whose package manager knows the private registry only. */
function makeProject(name: string): string {
  const project = join(work, name);
  mkdirSync(join(project, 'home'), { recursive: true });
  writeFileSync(join(project, 'package.json'), '{}');
  writeFileSync(join(project, '.npmrc'), `registry=${registry.url}\naudit=false\nfund=false\n`);
  return project;
}

function run(project: string, command: string, ...parameters: string[]) {
  return spawnSync(command, parameters, {
    cwd: project,
    env: {
      PATH: bin,
      HOME: join(project, 'home'),
      // Package managers leave what they have compiled there.
      TMPDIR: work,
      YARN_REGISTRY: registry.url,
    },
    encoding: 'utf8',
    timeout: 300_000,
  });
}

/** The installed packages, without those of a package manager. */
function installedIn(project: string): string[] {
  const modules = join(project, 'node_modules');
  return readdirSync(modules)
    .flatMap((name) =>
      name.startsWith('@') ? readdirSync(join(modules, name)).map((inner) => `${name}/${inner}`) : name,
    )
    .filter((name) => !name.startsWith('.'))
    .sort();
}

const project = makeProject('project');
const install = run(project, 'npm', 'install', '--foreground-scripts', 'pcsc-bridge');
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

test('two packages are installed, without a compiler, and no script runs', () => {
  expect(install.stderr + install.stdout).not.toMatch(/gyp|ERR|postinstall/);
  expect(install.status).toBe(0);
  expect(installedIn(project)).toEqual([`@pcsc-bridge/${platform}`, 'pcsc-bridge']);
  for (const name of installedIn(project)) {
    const { scripts } = JSON.parse(readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8'));
    expect(scripts, name).toBeUndefined();
  }
});

test('an installation is as large as README.md says', () => {
  const [, packages, megabytes] =
    /An install is (\d+) npm packages of ([\d.]+) MB/.exec(read('README.md')) ?? [];
  const modules = join(project, 'node_modules');
  const files = readdirSync(modules, { recursive: true, encoding: 'utf8' }).map((path) =>
    statSync(join(modules, path)),
  );
  const bytes = files.reduce((sum, file) => sum + (file.isFile() ? file.size : 0), 0);
  expect(installedIn(project)).toHaveLength(Number(packages));
  expect(Math.abs(bytes / 1e6 - Number(megabytes))).toBeLessThan(0.3);
});

test('the packages contain no path of this machine', () => {
  const found = spawnSync('grep', ['-rlF', root, join(project, 'node_modules')], { encoding: 'utf8' });
  expect(found.stdout).toBe('');
});

describe.each(built)('for $name', ({ name, os, cpu, libc }) => {
  test('npm installs its package alone', () => {
    const there = makeProject(`for-${name}`);
    const choice = [`--os=${os}`, `--cpu=${cpu}`, ...(libc ? [`--libc=${libc}`] : [])];
    expect(run(there, 'npm', 'install', ...choice, 'pcsc-bridge').stderr).toBe('');
    expect(installedIn(there)).toEqual([`@pcsc-bridge/${name}`, 'pcsc-bridge']);
  });
});

test.each([
  ['pnpm', npmBinary('pnpm', 'pnpm@^10', 'bin/pnpm.cjs'), ['add', '--ignore-workspace', 'pcsc-bridge']],
  ['yarn', npmBinary('yarn', 'yarn@^1.22', 'bin/yarn.js'), ['add', '--non-interactive', 'pcsc-bridge']],
])('%s installs it', (manager, program, parameters) => {
  const there = makeProject(manager);
  const { status, stderr } = run(there, process.execPath, program, ...parameters);
  expect(status, stderr).toBe(0);
  const load = run(there, process.execPath, '-e', "console.log(typeof require('pcsc-bridge').CardBridge)");
  expect(load).toMatchObject({ stdout: 'function\n', status: 0 });
});

test('npm installs it offline, from its cache', () => {
  rmSync(join(project, 'node_modules'), { recursive: true });
  expect(run(project, 'npm', 'install', '--offline').status).toBe(0);
  expect(installedIn(project)).toEqual([`@pcsc-bridge/${platform}`, 'pcsc-bridge']);
});

test('without the optional package, the error says what helps', () => {
  const there = makeProject('without');
  expect(run(there, 'npm', 'install', '--omit=optional', 'pcsc-bridge').status).toBe(0);
  const { stderr, status } = run(there, process.execPath, '-e', "require('pcsc-bridge')");
  expect(stderr).toContain(`has found no addon for ${platform}`);
  expect(stderr).toContain('npm install --include=optional');
  expect(status).toBe(1);
});

test('the agent is a package of its own', () => {
  expect(run(project, 'npm', 'install', `@pcsc-bridge/agent-${platform}`).status).toBe(0);
  const { stdout, status } = spawnSync(
    process.execPath,
    [join(installed, 'dist/tools/cli/main.js'), 'repro', '--agents', '--sessions', '2', '--hold', '2500'],
    { cwd: project, encoding: 'utf8' },
  );
  expect(stdout).toContain('Fixed: ');
  expect(status).toBe(0);
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
