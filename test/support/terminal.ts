/** Commands on a terminal of their own, created by "script" of util-linux. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { onTestFinished } from 'vitest';

export const hasTerminals = (() => {
  try {
    execFileSync('script', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

export class Terminal {
  /** The exit status of the command, as a shell reports it. */
  readonly ended: Promise<number | null>;
  readonly #process: ChildProcessWithoutNullStreams;
  #screen = '';

  /** @param command - For a shell. */
  constructor(command: string, env: NodeJS.ProcessEnv = {}) {
    this.#process = spawn('script', ['-qec', `exec ${command}`, '/dev/null'], {
      env: { ...process.env, ...env },
    });
    this.#process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#screen += text;
    });
    this.ended = once(this.#process, 'close').then(([code]) => code as number | null);
    onTestFinished(() => void this.#process.kill('SIGKILL'));
  }

  /** Everything that was written to the terminal. */
  get screen(): string {
    return this.#screen;
  }

  /** Waits until the command has written this. */
  async sees(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.#screen)) {
      const more = once(this.#process.stdout, 'data').then(() => true);
      if (await Promise.race([more, this.ended.then(() => false)])) continue;
      if (pattern.test(this.#screen)) return;
      throw new Error(`the command ended before it wrote ${pattern}:\n${this.#screen}`);
    }
  }

  /** Types text as on the keyboard; Ctrl-C is '\x03'. */
  type(text: string): void {
    this.#process.stdin.write(text);
  }
}
