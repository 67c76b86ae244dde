// Prints the C++ sources of the core for a platform, one per line: core-sources.mjs linux|mac|win [ROOM ...]
// The core is everything in the rooms of native/ listed here, with the folders inside them; other rooms (agent, addon) are
// named. A file belongs to one platform by its name; makefiles name what only some products contain (main.cc).
//
// core-sources.mjs --into DIRECTORY linux|mac|win [ROOM ...] writes a source for each room that includes all of these, and
// prints their names: compiled in one go, a room takes a fifth of the time. It must be compiled with native/ among the
// directories of headers.
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const foreignTo = {
  linux: /_(windows|macos|portable)\.cc$/,
  mac: /_(windows|linux)\.cc$/,
  win: /_(linux|macos|posix)\.cc$/,
};
const byMakefile = /^(main|wiping_heap|host_functions)\.cc$/;
const core = ['pcsc', 'loop', 'backend', 'card', 'readers', 'session', 'cache', 'doctor'];

const words = process.argv.slice(2);
const into = words[0] === '--into' ? words.splice(0, 2)[1] : undefined;
const [system, ...named] = words;
const foreign = foreignTo[system];
if (!foreign) {
  console.error('usage: core-sources.mjs [--into DIRECTORY] linux|mac|win [ROOM ...]');
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');

function sourcesIn(folder) {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) return sourcesIn(path);
      const ours = entry.name.endsWith('.cc') && !foreign.test(entry.name) && !byMakefile.test(entry.name);
      return ours ? [path] : [];
    });
}

// A file that is as it should be stays as old as it is, for make.
function writeIfNew(file, text) {
  let before;
  try {
    before = readFileSync(file, 'utf8');
  } catch {
    mkdirSync(dirname(file), { recursive: true });
  }
  if (text !== before) writeFileSync(file, text);
}

for (const room of named.length > 0 ? named : core) {
  const sources = sourcesIn(`native/${room}`);
  if (into === undefined) {
    for (const source of sources) console.log(source);
  } else {
    const whole = join(into, `${room}.cc`);
    writeIfNew(whole, sources.map((source) => `#include "${relative('native', source)}"\n`).join(''));
    console.log(whole);
  }
}
