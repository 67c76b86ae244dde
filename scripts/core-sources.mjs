// Prints the C++ sources of the core for a platform, one per line: node core-sources.mjs linux|mac|win [ROOM ...]
// The core is everything in the rooms of native/ listed here, with the folders inside them; other rooms (agent) are named.
// A file belongs to one platform by its name.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const foreign = {
  linux: /_(windows|macos|portable)\.cc$|^(wts|audit)_source\.cc$/,
  mac: /_(windows|linux)\.cc$|^(wts|logind|proc)_source\.cc$/,
  win: /_(linux|macos|posix|env)\.cc$|^(audit|logind|proc)_source\.cc$|^user_name\.cc$/,
}[process.argv[2]];
const rooms =
  process.argv.length > 3
    ? process.argv.slice(3)
    : ['pcsc', 'loop', 'backend', 'card', 'readers', 'session', 'cache', 'doctor'];
if (!foreign) {
  console.error('usage: core-sources.mjs linux|mac|win [ROOM ...]');
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
function list(folder) {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true }).sort((a, b) =>
    a.name < b.name ? -1 : 1,
  )) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) list(path);
    else if (entry.name.endsWith('.cc') && !foreign.test(entry.name)) console.log(path);
  }
}
for (const room of rooms) list(`native/${room}`);
