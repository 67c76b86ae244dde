/** Windows programs under Wine, as set up by scripts/test-windows. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Rig } from '../../src/testing/rig/index.js';

const runner = fileURLToPath(new URL('../../scripts/wine-run', import.meta.url));
const look = 20;

function prepared(): string {
  const directory = process.env['PCSC_BRIDGE_WINDOWS'];
  if (!directory) throw new Error('these tests are run by scripts/test-windows, which sets Wine up');
  return directory;
}

const directory = prepared();

/** Windows' own node.exe, by npm's name for its build. */
export const nodes = {
  20: { program: `${directory}/node/x64@20.20.2/node.exe`, stage: `${directory}/stage/x64` },
  24: { program: `${directory}/node/x64@24.21.0/node.exe`, stage: `${directory}/stage/x64` },
  ia32: { program: `${directory}/node/x86@22.23.2/node.exe`, stage: `${directory}/stage/ia32` },
} as const;
export type NodeName = keyof typeof nodes;

/** pcsc-bridge-agent.exe, where it has been built. */
export const agent = `${directory}/stage/x64/node_modules/@pcsc-bridge/agent-win32-x64/pcsc-bridge-agent.exe`;
export const hasAgent = existsSync(agent);

export interface WineOptions {
  /** The pcscd to use; without one the program has none. */
  rig?: Rig;
  env?: Record<string, string>;
  /** The version that Wine reports, such as 'win2008'. */
  windows?: string;
  /** Seconds after which it is killed. */
  timeout?: number;
  /** A directory to mount at the same path, besides those it needs. */
  share?: string;
}

export interface WineEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** A command that runs under Wine, in namespaces of its own that end with it. */
export class WineRun implements AsyncDisposable {
  readonly ended: Promise<WineEnd>;
  readonly #process: ChildProcess;
  readonly #output: string;

  private constructor(process: ChildProcess, output: string) {
    this.#process = process;
    this.#output = output;
    this.ended = once(process, 'close').then(([code, signal]) => {
      const end = { code, signal, stdout: this.stdout, stderr: this.#read('stderr') };
      rmSync(output, { recursive: true });
      return end;
    });
  }

  static start(command: readonly string[], options: WineOptions = {}): WineRun {
    const { rig, env = {}, windows, timeout = 60, share } = options;
    const shared = [directory, rig?.directory, share].filter((path) => path !== undefined);
    const variables = { ...(rig && { PCSCLITE_CSOCK_NAME: rig.socket }), ...env };
    const words = [
      ...['--timeout', String(timeout)],
      ...(windows ? ['--windows', windows] : []),
      ...shared.flatMap((path) => ['--share', path]),
      ...Object.entries(variables).flatMap(([name, value]) => ['--set', `${name}=${value}`]),
    ];
    const output = mkdtempSync(join(tmpdir(), 'pcsc-bridge-wine-'));
    // node.exe under Wine does not write to pipes.
    const files = ['stdout', 'stderr'].map((name) => openSync(join(output, name), 'w'));
    const child = spawn(runner, [...words, 'wine', ...command], { stdio: ['ignore', ...files] });
    for (const file of files) closeSync(file);
    return new WineRun(child, output);
  }

  /** A program of test/windows/programs in a node.exe. */
  static node(name: NodeName, program: string, args: readonly string[] = [], options?: WineOptions): WineRun {
    const { program: node, stage } = nodes[name];
    return WineRun.start([node, `${stage}/programs/${program}`, ...args], options);
  }

  get stdout(): string {
    return this.#read('stdout');
  }

  /** Waits until its standard output matches. */
  async said(pattern: RegExp): Promise<RegExpExecArray> {
    const { exitCode, signalCode } = this.#process;
    const over = exitCode !== null || signalCode !== null;
    const found = pattern.exec(over ? (await this.ended).stdout : this.stdout);
    if (found) return found;
    if (over) {
      const { code, stdout, stderr } = await this.ended;
      throw new Error(`ended with ${code ?? signalCode} before it said ${pattern}:\n${stdout}\n${stderr}`);
    }
    await sleep(look);
    return this.said(pattern);
  }

  /** The result: the last line of its standard output as JSON, once it has exited well. */
  async answer<T>(): Promise<T> {
    const { code, signal, stdout, stderr } = await this.ended;
    if (code !== 0) throw new Error(`ended with ${code ?? signal}:\n${stdout}\n${stderr}`);
    return JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.ended;
  }

  #read(name: string): string {
    return readFileSync(join(this.#output, name), 'utf8');
  }
}

/** Runs a program of test/windows/programs to its end. */
export function runNode<T>(
  name: NodeName,
  program: string,
  args: readonly string[] = [],
  options?: WineOptions,
): Promise<T> {
  return WineRun.node(name, program, args, options).answer<T>();
}
