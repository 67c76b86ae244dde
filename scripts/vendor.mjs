/**
 * Puts what a directory of compiled JavaScript imports from other packages into it, so that it depends on none: one file for
 * each package in DIRECTORY/vendor, which the imports name instead. Their licences are in vendor/LICENSES.txt.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { rolldown } from 'rolldown';

const require = createRequire(import.meta.url);
/** As the TypeScript compiler writes them: at the beginning of a line, or behind names on several lines. */
const importOf = /^((?:(?:import|export|\}).* from|import) )'([^'.#][^']*)'/gm;

/** Peers of the user's, whose instance must be the user's own. */
const peers = new Set(['vitest']);

/** @param {string} directory */
export async function vendor(directory) {
  const files = readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.js'))
    .map((name) => join(directory, name));
  const packages = new Set();
  for (const file of files) {
    for (const [, , name] of readFileSync(file, 'utf8').matchAll(importOf)) {
      if (isForeign(name)) packages.add(name);
    }
  }
  await bundle([...packages].sort(), join(directory, 'vendor'));
  for (const file of files) {
    const text = readFileSync(file, 'utf8');
    const rewritten = text.replace(importOf, (whole, before, name) =>
      packages.has(name) ? `${before}'${pathTo(file, join(directory, 'vendor', fileOf(name)))}'` : whole,
    );
    if (rewritten !== text) writeFileSync(file, rewritten);
  }
}

function isForeign(name) {
  return !isBuiltin(name) && !peers.has(name) && !name.startsWith('pcsc-bridge');
}

/** `@peculiar/asn1-x509` is vendor/asn1-x509.js. */
function fileOf(name) {
  return `${name.replace(/^@[^/]+\//, '')}.js`;
}

function pathTo(from, to) {
  const path = relative(dirname(from), to).replaceAll('\\', '/');
  return path.startsWith('.') ? path : `./${path}`;
}

/** All in one build, so that what two of them share is there once. */
async function bundle(names, directory) {
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [fileOf(name).replace(/\.js$/, ''), name])),
    platform: 'node',
    // ES modules first: only these have named exports for sure.
    resolve: { mainFields: ['module', 'main'] },
    logLevel: 'warn',
  });
  const { output } = await build.write({ dir: directory, format: 'esm', minify: true });
  await build.close();
  const modules = output.flatMap((chunk) => ('moduleIds' in chunk ? chunk.moduleIds : []));
  writeFileSync(join(directory, 'LICENSES.txt'), licencesOf(modules));
}

function licencesOf(modules) {
  const directories = new Set(
    modules.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id.replaceAll('\\', '/')) ?? []),
  );
  return [...directories]
    .sort()
    .map((directory) => {
      const { name, version, license } = require(join(directory, 'package.json'));
      const file = readdirSync(directory).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file ? readFileSync(join(directory, file), 'utf8').trim() : '';
      return `${name} ${version} (${license})\n\n${text}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}
