/** The single executable of docs/hosts.md runs beside the package of the platform. */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { blockBelow, fileShownIn, root } from '../../support/documentation.js';
import { addPrograms, makeInstalledProject, platform, runIn, shipPlatform } from '../../support/installed.js';
import { lines, nodeOf, npmBinary } from '../../support/nodes.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';

const page = 'docs/hosts.md';
const section = 'Single executables';
const rig = await startRig({ slots: 1 });
await insertPiv(rig, 0, { subject: 'Alice' });
const project = makeInstalledProject('pcsc-bridge', platform);
addPrograms(project, {
  esbuild: join(root, 'node_modules/.bin/esbuild'),
  postject: npmBinary('postject', 'postject@1.0.0-alpha.6', 'dist/cli.js'),
});
writeFileSync(join(project, 'app.mjs'), fileShownIn(page, 'app.mjs'));
writeFileSync(join(project, 'sea-config.json'), blockBelow(page, section, 'json'));

describe.each(lines)('a single executable of Node %s', (line) => {
  const target = mkdtempSync(join(tmpdir(), 'target-'));
  afterAll(() => rmSync(target, { recursive: true }));
  const run = () => runIn(target, join(target, 'app'));

  test('does a PIV logon', { timeout: 120_000 }, async () => {
    execFileSync('sh', ['-ec', blockBelow(page, section, 'sh')], {
      cwd: project,
      env: { ...process.env, PATH: [dirname(nodeOf(line)), process.env['PATH']].join(delimiter) },
      stdio: 'pipe',
    });
    cpSync(join(project, 'app'), join(target, 'app'));
    shipPlatform(project, target);
    expect(await run()).toEqual({ stdout: `${readerAt(rig).name} CN=Alice\n`, stderr: '', status: 0 });
  });

  test('without the package of the platform, the error says what to put beside it', async () => {
    rmSync(join(target, 'node_modules'), { recursive: true });
    const { stderr, status } = await run();
    expect(stderr).toContain('BRIDGE_E_ADDON_MISSING');
    expect(stderr).toContain(`put node_modules/@pcsc-bridge/${platform} beside it`);
    expect(status).toBe(1);
  });
});
