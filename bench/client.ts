/** A program under measurement, running as a child: orders are lines, each is answered by a line of JSON. */
import { type ChildProcessByStdio, execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { promisify } from 'node:util';
import { now } from './clock.js';

const run = promisify(execFile);

/** The program has crashed, hangs, or says that it cannot do what was asked. */
export class ClientFailed extends Error {
  override readonly name = 'ClientFailed';
}

export class Client {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #answers: ((answer: string) => void)[] = [];
  #complaint = '';
  #failure: ClientFailed | undefined;
  /** When the process was gone (clock.ts). */
  readonly exited: Promise<number>;

  constructor(
    readonly name: string,
    command: string,
    args: readonly string[],
    env: NodeJS.ProcessEnv,
  ) {
    this.#child = spawn(command, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stdin.on('error', () => {}); // told by 'close'
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#complaint = (this.#complaint + text).slice(-2000);
    });
    createInterface({ input: this.#child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#answers.shift()?.(line);
    });
    this.#child.on('error', (error) => this.#fail(error.message));
    this.exited = new Promise((resolve) => {
      this.#child.on('exit', () => resolve(now()));
    });
    this.#child.on('close', (code, signal) => {
      const how = signal ? `killed by ${signal}` : `ended with status ${code}`;
      this.#fail([how, lastLine(this.#complaint)].filter(Boolean).join(': '));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Sends an order and gives its answer. A program that takes longer than `limit` milliseconds is killed. */
  async request<T extends object>(order: string, limit = 30_000): Promise<T> {
    if (this.#failure) throw this.#failure;
    const answer = await new Promise<string>((resolve) => {
      const timer = setTimeout(() => {
        this.#fail(`no answer to "${order}" within ${limit / 1000} s`);
        this.#child.kill('SIGKILL');
      }, limit);
      this.#answers.push((line) => {
        clearTimeout(timer);
        resolve(line);
      });
      this.#child.stdin.write(`${order}\n`);
    });
    const result = JSON.parse(answer) as T & { error?: string };
    if (result.error !== undefined) throw new ClientFailed(`${this.name}: ${result.error}`);
    return result;
  }

  /** Has all its threads run on these cores only (taskset's list). */
  async pin(cores: string): Promise<void> {
    await pinProcess(this.pid, cores);
  }

  /** Ends the program in mid-work. */
  async kill(): Promise<void> {
    if (this.#gone) return;
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Ends the program, by force where it does not end by itself. */
  async stop(): Promise<void> {
    if (this.#gone) return;
    this.#child.stdin.end();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), 1000);
    await this.exited;
    clearTimeout(timer);
  }

  get #gone(): boolean {
    return this.#child.pid === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #fail(why: string): void {
    this.#failure ??= new ClientFailed(`${this.name}: ${why}`);
    for (const answer of this.#answers.splice(0)) {
      answer(JSON.stringify({ error: why }));
    }
  }
}

export async function pinProcess(pid: number, cores: string): Promise<void> {
  await run('taskset', ['-apc', cores, String(pid)]);
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
