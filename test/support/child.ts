import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = new URL('../../', import.meta.url);
const index = fileURLToPath(new URL('dist/index.js', root));

export interface ChildEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Milliseconds from the line `now` on its standard output to its exit. */
  sinceNow: number;
}

/**
 * Runs a program (an ES module; `bridge` is the built package's URL) in a process of its own. If the time limit kills
 * it, the result has signal SIGKILL.
 */
export async function runChild(
  program: string,
  { env = {}, timeout = 10_000 }: { env?: NodeJS.ProcessEnv; timeout?: number } = {},
): Promise<ChildEnd> {
  const source = `const bridge = ${JSON.stringify(String(pathToFileURL(index)))};\n${program}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout,
    killSignal: 'SIGKILL',
  });
  let now = Number.NaN;
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => {
    stdout += data;
    if (Number.isNaN(now) && /^now$/m.test(stdout)) now = performance.now();
  });
  child.stderr.on('data', (data) => {
    stderr += data;
  });
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal, at: performance.now() }));
  await once(child, 'close');
  const { code, signal, at } = await exited;
  return { code, signal, stdout, stderr, sinceNow: at - now };
}
