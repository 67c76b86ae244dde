import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const main = fileURLToPath(new URL('../../dist/tools/cli/main.js', import.meta.url));

export interface CliRun {
  process: ChildProcess;
  ended: Promise<{ code: number | null; signal: string | null; stdout: string; stderr: string }>;
}

/** Starts the built command line, in the directory `cwd`. */
export function startCli(args: string[], env: NodeJS.ProcessEnv = {}, cwd = process.cwd()): CliRun {
  const child = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
  return { process: child, ended };
}

export const runCli = (args: string[], env?: NodeJS.ProcessEnv, cwd?: string) =>
  startCli(args, env, cwd).ended;
