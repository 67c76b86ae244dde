// Prints the C++ sources of the core for a platform, one per line: node core-sources.mjs linux|mac|win [ROOM ...]
// The core is everything in native/{pcsc,channel,session,cache,doctor}; other rooms (agent) are named. A file is of one
// platform by its name.
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const foreign = {
  linux: /_(windows|macos)\.cc$|^(wts|audit)_source\.cc$|^long_memory_heap\.cc$/,
  mac: /_(windows|linux)\.cc$|^(wts|logind|proc)_source\.cc$/,
  win: /_(linux|macos|posix|env)\.cc$|^(audit|logind|proc)_source\.cc$|^user_name\.cc$/,
}[process.argv[2]];
const rooms =
  process.argv.length > 3 ? process.argv.slice(3) : ['pcsc', 'channel', 'session', 'cache', 'doctor'];
if (!foreign) {
  console.error('usage: core-sources.mjs linux|mac|win [ROOM ...]');
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
for (const room of rooms) {
  for (const file of readdirSync(join(root, 'native', room)).sort()) {
    if (file.endsWith('.cc') && !foreign.test(file)) console.log(`native/${room}/${file}`);
  }
}
