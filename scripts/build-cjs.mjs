/**
 * Lets CommonJS programs and ES modules use the one build of src, after the TypeScript compiler:
 * - dist/cjs/*.cjs load the ES modules: there is one instance of everything, however it is loaded.
 * - The declarations in dist/types are CommonJS, because TypeScript lets ES modules import CommonJS, but not the reverse
 *   (TS1479). Beside each entry, a declaration that is an ES module exports them again: there is one type of everything.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const note = '// Made by scripts/build-cjs.mjs.';

function write(path, text) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

write('dist/types/package.json', '{ "type": "commonjs" }\n');
// vitest is an ES module only, so what imports it is one too.
write('dist/types/testing/vitest/package.json', '{ "type": "module" }\n');

for (const entry of Object.values(exports)) {
  if (!entry.require) continue;
  const pathTo = (from, target) => relative(dirname(from), target).replace(/^(?!\.)/, './');
  const { types, default: module } = entry.require;
  write(module, `${note}\nmodule.exports = require('${pathTo(module, entry.import.default)}');\n`);

  const declarations = pathTo(entry.import.types, types).replace(/\.d\.ts$/, '.js');
  const lines = [note, `export * from '${declarations}';`];
  // To an ES module, `default` of a CommonJS module is the whole module.
  const [, main] = /^export default (\w+);$/m.exec(readFileSync(join(root, types), 'utf8')) ?? [];
  if (main) lines.push(`export { ${main} as default } from '${declarations}';`);
  write(entry.import.types, `${lines.join('\n')}\n`);
}
