// npm run bench: compiles the benchmark, building the library first where that has not been done, and runs it.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

function run(command, ...args) {
  const { status } = spawnSync(command, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

if (!existsSync(at('../dist/index.js')) || !existsSync(at('../build/Release/pcsc_bridge.node'))) {
  run('npm', 'run', 'build');
}
run(process.execPath, at('../node_modules/typescript/bin/tsc'), '-p', at('tsconfig.json'));
await import('./dist/main.js');
