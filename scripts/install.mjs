// npm's install script. The package brings the addon for some platforms: where that loads nothing is compiled.
// Elsewhere, and in the repository, node-gyp compiles it, for which a C++17 compiler, make and Python are needed.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

async function loadsPrebuilt() {
  const prebuilt = join(root, 'dist/native/prebuilt.js');
  if (process.env.npm_config_build_from_source || !existsSync(prebuilt)) return false;
  const { platformName } = await import(pathToFileURL(prebuilt).href);
  const addon = join(root, 'prebuilds', platformName(), 'pcsc_bridge.node');
  if (!existsSync(addon)) return false;
  try {
    process.dlopen({ exports: {} }, addon);
    return true;
  } catch (error) {
    console.error(`pcsc-bridge: the addon brought along does not load here: ${error.message}`);
    return false;
  }
}

if (!(await loadsPrebuilt())) {
  const { status } = spawnSync('node-gyp', ['rebuild'], { cwd: root, stdio: 'inherit', shell: true });
  if (status !== 0) {
    console.error(
      'pcsc-bridge: the addon could not be compiled. It needs a C++17 compiler, make and Python ' +
        '(Debian: apt-get install g++ make python3; Alpine: apk add g++ make python3).',
    );
  }
  process.exit(status ?? 1);
}
