/**
 * Lays out the npm packages in .cache/npm, and packs them there, or into a directory:
 *   node scripts/pack.mjs [--into DIRECTORY] [PLATFORM]...     all of scripts/platforms.json unless named
 * pcsc-bridge is JavaScript alone, with what it takes from other packages inside (dist/vendor). Its optional dependencies are
 * @pcsc-bridge/PLATFORM, one of which npm installs: the addon and pcsc-holder. @pcsc-bridge/agent-PLATFORM has the agent,
 * @pcsc-bridge/source what compiles the addon elsewhere. scripts/prebuild and npm run build:ts come first.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { vendor } from './vendor.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, '.cache/npm');
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const all = JSON.parse(readFileSync(join(root, 'scripts/platforms.json'), 'utf8'));
const { values, positionals: chosen } = parseArgs({
  options: { into: { type: 'string' } },
  allowPositionals: true,
});
const platforms = chosen.length > 0 ? all.filter(({ name }) => chosen.includes(name)) : all;
if (platforms.length < chosen.length) {
  console.error(`pack: the platforms are ${all.map(({ name }) => name).join(', ')}`);
  process.exit(2);
}

const { version, license, engines } = own;
const common = { version, license };

/** A package of these files, as [FROM, TO] below the root and the package, or one path for both. */
function layOut(name, manifest, files) {
  const directory = join(out, name);
  rmSync(directory, { recursive: true, force: true });
  for (const file of [...files, 'LICENSE']) {
    const [from, to] = Array.isArray(file) ? file : [file, file];
    mkdirSync(dirname(join(directory, to)), { recursive: true });
    cpSync(join(root, from), join(directory, to), { recursive: true, filter: isShipped });
  }
  writeFileSync(join(directory, 'package.json'), `${JSON.stringify({ name, ...manifest }, null, 2)}\n`);
  return directory;
}

/** No maps, whose sources are not there, and no types of programs. */
function isShipped(path) {
  return !/\.map$|\/dist\/\.built$|\/dist\/tools\/.*\.d\.ts$/.test(path);
}

function ofPlatform({ name, os, cpu, libc }) {
  const suffix = os === 'win32' ? '.exe' : '';
  const from = (file) => [`prebuilds/${name}/${file}`, file];
  const manifest = { os: [os], cpu: [cpu], ...(libc ? { libc: [libc] } : {}) };
  const addon = {
    ...common,
    description: `The addon of pcsc-bridge for ${name}`,
    ...manifest,
    main: 'pcsc_bridge.node',
  };
  const agent = { ...common, description: `The agent of pcsc-bridge for ${name}` };
  const packages = [
    layOut(`@pcsc-bridge/${name}`, addon, [from('pcsc_bridge.node'), from(`pcsc-holder${suffix}`)]),
  ];
  if (existsSync(join(root, `prebuilds/${name}/pcsc-bridge-agent${suffix}`))) {
    // Installed for another host as well, so for any.
    packages.push(
      layOut(`@pcsc-bridge/agent-${name}`, agent, [from(`pcsc-bridge-agent${suffix}`), 'THIRD-PARTY.txt']),
    );
  }
  return packages;
}

function source() {
  const manifest = {
    ...common,
    description: 'Compiles the addon of pcsc-bridge where there is no package of it',
    main: 'index.js',
    engines,
    gypfile: true,
    scripts: { install: 'node-gyp rebuild' },
    dependencies: Object.fromEntries(
      ['bindings', 'node-addon-api'].map((name) => [name, own.dependencies[name]]),
    ),
  };
  const directory = layOut('@pcsc-bridge/source', manifest, [
    'binding.gyp',
    'native',
    'scripts/core-sources.mjs',
  ]);
  writeFileSync(
    join(directory, 'index.js'),
    "module.exports = require('bindings')({ bindings: 'pcsc_bridge', module_root: __dirname });\n",
  );
  return directory;
}

async function main() {
  const {
    scripts: _,
    devDependencies: __,
    dependencies: ___,
    files: ____,
    imports: _____,
    ...manifest
  } = own;
  const directory = layOut(
    'pcsc-bridge',
    {
      ...manifest,
      optionalDependencies: Object.fromEntries(all.map(({ name }) => [`@pcsc-bridge/${name}`, version])),
    },
    ['dist', 'docs', 'examples', 'README.md', 'CHANGELOG.md', 'CONTRIBUTING.md'],
  );
  await vendor(join(directory, 'dist'));
  return directory;
}

const into = values.into ?? out;
mkdirSync(into, { recursive: true });
const packages = [await main(), source(), ...platforms.flatMap(ofPlatform)];
for (const directory of packages) {
  const [{ filename, size, unpackedSize }] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', into], {
      cwd: directory,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  console.log(`${filename}: ${size} bytes, installed ${unpackedSize}`);
}
