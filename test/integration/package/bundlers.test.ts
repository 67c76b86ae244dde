/** The bundles of docs/hosts.md run beside the package of the platform; without it, the error says what is missing. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import webpack from 'webpack';
import { blockBelow, fileShownIn, root } from '../../support/documentation.js';
import { addPrograms, makeInstalledProject, platform, runIn, shipPlatform } from '../../support/installed.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const page = 'docs/hosts.md';
const rig = await startRig({ slots: 1 });
await insertPiv(rig, 0, { subject: 'Alice' });
const project = makeInstalledProject('pcsc-bridge', platform);
const bin = (name: string) => join(root, 'node_modules/.bin', name);
addPrograms(project, { esbuild: bin('esbuild'), vite: bin('vite') });
for (const name of ['app.mjs', 'webpack.config.mjs', 'vite.config.mjs']) {
  writeFileSync(join(project, name), fileShownIn(page, name));
}

/** Where the bundle runs: it has nothing but the package of the platform. */
const target = mkdtempSync(join(tmpdir(), 'target-'));
afterAll(() => rmSync(target, { recursive: true }));

function shell(command: string): void {
  execFileSync('sh', ['-ec', command], { cwd: project, stdio: 'pipe' });
}

async function runWebpack(): Promise<void> {
  const { default: configuration } = await import(String(pathToFileURL(join(project, 'webpack.config.mjs'))));
  // By default, the output is in the directory of this process.
  const output = { ...configuration.output, path: join(project, 'dist') };
  const stats = await new Promise<webpack.Stats | undefined>((resolve, reject) => {
    webpack({ ...configuration, output, context: project }, (error, result) =>
      error ? reject(error) : resolve(result),
    );
  });
  const { errors, warnings, assets = [] } = stats?.toJson() ?? {};
  expect({ errors, warnings, files: assets.map(({ name }) => name) }).toEqual({
    errors: [],
    warnings: [],
    files: ['bundle.mjs'],
  });
}

describe.each([
  ['esbuild', () => shell(blockBelow(page, 'esbuild', 'sh'))],
  ['webpack', runWebpack],
  ['Vite', () => shell('npx vite build')],
])('%s', (_, bundle) => {
  const run = () => runIn(target, process.execPath, 'dist/bundle.mjs');

  test('bundles a PIV logon, which runs beside the package of the platform', {
    timeout: 60_000,
  }, async () => {
    rmSync(join(project, 'dist'), { recursive: true, force: true });
    await bundle();
    rmSync(join(target, 'dist'), { recursive: true, force: true });
    renameSync(join(project, 'dist'), join(target, 'dist'));
    shipPlatform(project, target);
    expect(await run()).toEqual({ stdout: `${readerAt(rig).name} CN=Alice\n`, stderr: '', status: 0 });
  });

  test('without that package, the error says what to put beside the bundle', async () => {
    rmSync(join(target, 'node_modules'), { recursive: true });
    const { stderr, status } = await run();
    expect(stderr).toContain('BRIDGE_E_ADDON_MISSING');
    expect(stderr).toContain(`put node_modules/@pcsc-bridge/${platform} beside it`);
    expect(status).toBe(1);
  });
});
