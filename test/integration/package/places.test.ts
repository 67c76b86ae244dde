/** The repository in a directory whose name has a space and an umlaut. */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { root } from '../../support/documentation.js';

const work = mkdtempSync(join(tmpdir(), 'places-'));
afterAll(() => rmSync(work, { recursive: true }));

test.skipIf(process.platform === 'win32')('sources of the addon are compiled there', () => {
  const place = join(work, 'Jörg smith');
  mkdirSync(join(place, 'scripts'), { recursive: true });
  for (const path of ['package.json', 'binding.gyp', 'native', 'scripts/core-sources.mjs']) {
    cpSync(join(root, path), join(place, path), { recursive: true });
  }
  // No link: gyp would write beside what it leads to, as seen from here.
  cpSync(join(root, 'node_modules/node-addon-api'), join(place, 'node_modules/node-addon-api'), {
    recursive: true,
  });
  const prefix = dirname(dirname(realpathSync(process.execPath)));
  const headers = existsSync(join(prefix, 'include/node/node_api.h')) ? { npm_config_nodedir: prefix } : {};
  const run = (command: string, parameters: string[], cwd = place) =>
    execFileSync(command, parameters, { cwd, env: { ...process.env, ...headers }, stdio: 'pipe' });
  run(process.execPath, [join(root, 'node_modules/node-gyp/bin/node-gyp.js'), 'configure']);
  // One that includes Node-API, and one of the core.
  const objects = ['addon/convert', 'pcsc/status'].map(
    (name) => `Release/obj.target/pcsc_bridge/native/${name}.o`,
  );
  run('make', ['BUILDTYPE=Release', ...objects], join(place, 'build'));
  for (const object of objects) expect(existsSync(join(place, 'build', object)), object).toBe(true);
});
