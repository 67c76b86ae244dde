/** A program of examples/, run as its comment says. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, vi } from 'vitest';

export const examples = new URL('../../examples/', import.meta.url);

export interface RunningExample {
  process: ChildProcess;
  /** Its output so far. */
  lines(): string[];
  /** Waits until it has printed a matching line. */
  until(line: string | RegExp): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
}

export interface Circumstances {
  /** The descriptor of a listening socket, as from systemd. */
  activatedBy?: number;
  /** A command that runs the program, such as that of another host. */
  inside?: readonly string[];
  /** It is started in a hook, whose other half kills it. Otherwise the end of the test does. */
  inHook?: boolean;
}

export function startExample(
  example: string,
  env: NodeJS.ProcessEnv = {},
  args: readonly string[] = [],
  { activatedBy, inside = [], inHook = false }: Circumstances = {},
): RunningExample {
  const program = [...inside, process.execPath, fileURLToPath(new URL(example, examples)), ...args];
  // As systemd starts it: with a listening socket as descriptor 3, and its own pid in LISTEN_PID.
  const activate = ['-c', 'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@"', 'sh', ...program];
  const [command = '', ...rest] = activatedBy === undefined ? program : ['/bin/sh', ...activate];
  const child = spawn(command, rest, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(activatedBy === undefined ? [] : [activatedBy])],
  });
  if (!child.stdout || !child.stderr) throw new Error('no pipes');
  if (!inHook) onTestFinished(() => void child.kill('SIGKILL'));
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const lines = () => stdout.split('\n').slice(0, -1);
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, stderr }));
  const until = (line: string | RegExp) =>
    vi.waitFor(() => expect(lines()).toContainEqual(expect.stringMatching(line)), { timeout: 10_000 });
  return { process: child, lines, until, ended };
}
