// CommonJS entries into the one ES module build, dist/cjs/*.cjs: one instance of everything, however it is loaded.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const { exports } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const directory = new URL('../dist/cjs/', import.meta.url);
mkdirSync(directory, { recursive: true });
for (const entry of Object.values(exports)) {
  if (!entry.require) continue;
  const name = entry.require.default.replace('./dist/cjs/', '');
  const target = entry.import.default.replace('./dist/', '../');
  const note = '// Made by scripts/build-cjs.mjs.';
  writeFileSync(new URL(name, directory), `${note}\nmodule.exports = require('${target}');\n`);
  writeFileSync(new URL(name.replace(/cjs$/, 'd.cts'), directory), `${note}\nexport * from '${target}';\n`);
}
