/** What it was measured on. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, release } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

export async function describeMachine(pcscd: string): Promise<Record<string, unknown>> {
  const compiler = await run('cc', ['--version']).then(
    ({ stdout }) => stdout.split('\n')[0],
    () => 'none',
  );
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return {
    cpu: cpus()[0]?.model.trim(),
    cores: cpus().length,
    load: loadavg()[0],
    kernel: release(),
    node: process.versions.node,
    pcscd,
    compiler,
    'pcsc-bridge': version,
    date: new Date().toISOString(),
  };
}
