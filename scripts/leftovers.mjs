/**
 * leftovers.mjs DIRECTORY: fails if anything is left of a test run whose temporary files went to DIRECTORY:
 * files or sockets in there, or processes that have it in their command line or environment.
 */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';

/** Milliseconds a process whose parent was killed may take to notice. */
const GRACE = 3000;
const directory = process.argv[2];

function read(path) {
  try {
    return readFileSync(path, 'latin1').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

/** With what tells who made it: when it was written, by whom, and what is in it. */
function describe(path) {
  try {
    const stat = lstatSync(path);
    const what = stat.isDirectory() ? readdirSync(path) : stat.isFile() ? read(path) : 'no file';
    const content = JSON.stringify(what).slice(0, 200);
    return `${path} (mode ${stat.mode.toString(8)}, user ${stat.uid}, ${stat.mtime.toISOString()}): ${content}`;
  } catch (error) {
    return `${path} (${error.code})`;
  }
}

function leftovers() {
  const files = readdirSync(directory).map((name) => describe(`${directory}/${name}`));
  const processes = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => `${read(`/proc/${pid}/cmdline`)} ${read(`/proc/${pid}/environ`)}`.includes(directory))
    .map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`)}`);
  return [...files, ...processes];
}

const end = Date.now() + GRACE;
let left = leftovers();
while (left.length > 0 && Date.now() < end) {
  await new Promise((resolve) => setTimeout(resolve, 100));
  left = leftovers();
}
for (const thing of left) {
  console.log(`left behind: ${thing}`);
}
process.exitCode = left.length > 0 ? 1 : 0;
