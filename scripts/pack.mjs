/**
 * Lays out and packs the npm packages in .cache/npm, or another directory:
 *   node scripts/pack.mjs [--into DIRECTORY] [NAME]...
 * NAME: pcsc-bridge, source, or a platform of scripts/platforms.json, which has two packages; all unless named.
 *
 * pcsc-bridge is JavaScript alone, with what it takes from other packages inside (dist/vendor). Its optional dependencies are
 * @pcsc-bridge/PLATFORM, one of which npm installs: the addon and pcsc-holder. @pcsc-bridge/agent-PLATFORM has the agent,
 * @pcsc-bridge/source what compiles the addon elsewhere. npm run build:ts and scripts/prebuild come first: npm run pack does
 * it all.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { vendor } from './vendor.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const platforms = JSON.parse(readFileSync(join(root, 'scripts/platforms.json'), 'utf8'));
const known = ['pcsc-bridge', 'source', ...platforms.map(({ name }) => name)];
const { values, positionals } = parseArgs({ options: { into: { type: 'string' } }, allowPositionals: true });
const chosen = positionals.length > 0 ? positionals : known;
const unknown = chosen.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`pack: there is no ${unknown}; there are ${known.join(', ')}`);
  process.exit(2);
}
const out = values.into ?? join(root, '.cache/npm');

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
  return !/\.map$|\/dist\/\.built$|\/dist\/types\/tools\//.test(path);
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
      ['bindings', 'node-addon-api'].map((name) => [name, own.devDependencies[name]]),
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
  const { private: _, gypfile, scripts, devDependencies, imports, ...manifest } = own;
  const addons = Object.fromEntries(platforms.map(({ name }) => [`@pcsc-bridge/${name}`, version]));
  const files = [
    'dist',
    'docs',
    'examples',
    'README.md',
    'CHANGELOG.md',
    'CONTRIBUTING.md',
    'THIRD-PARTY.txt',
  ];
  const directory = layOut('pcsc-bridge', { ...manifest, optionalDependencies: addons, files }, files);
  await vendor(join(directory, 'dist'));
  return directory;
}

/** The directories of the packages of a name. */
async function packagesOf(name) {
  if (name === 'pcsc-bridge') return [await main()];
  if (name === 'source') return [source()];
  return ofPlatform(platforms.find((platform) => platform.name === name));
}

mkdirSync(out, { recursive: true });
for (const name of chosen) {
  for (const directory of await packagesOf(name)) {
    const [{ filename, size, unpackedSize }] = JSON.parse(
      execFileSync('npm', ['pack', '--json', '--pack-destination', out], {
        cwd: directory,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'inherit'],
      }),
    );
    console.log(`${filename}: ${size} bytes, installed ${unpackedSize}`);
  }
}
