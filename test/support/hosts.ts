/** JavaScript hosts other than Node, from npm packages of their binaries, with programs that use the built package. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';
import { read } from './documentation.js';
import { npmBinary } from './nodes.js';

export interface Host {
  name: string;
  /** Runs a module, whose path is the last argument. */
  command: string[];
  env: NodeJS.ProcessEnv;
}

/** The words between the host's name and the module, as docs/hosts.md has them. */
function documentedWords(host: string): string[] {
  const [, words] = new RegExp(`^${host} (.+) app\\.mjs$`, 'm').exec(read('docs/hosts.md')) ?? [];
  if (words === undefined) throw new Error(`docs/hosts.md has no command line of ${host}`);
  return words.split(' ');
}

export function bun(): Host {
  const architecture = process.arch === 'arm64' ? 'aarch64' : 'x64';
  return {
    name: 'Bun',
    command: [
      npmBinary('bun', `@oven/bun-linux-${architecture}@1.4.5`, 'bin/bun'),
      ...documentedWords('bun'),
    ],
    env: { BUN_RUNTIME_TRANSPILER_CACHE_PATH: '0', DO_NOT_TRACK: '1' },
  };
}

export function deno(): Host {
  const deno = npmBinary('deno', `@deno/linux-${process.arch}-glibc@2.9.6`, 'deno');
  return {
    name: 'Deno',
    command: [deno, ...documentedWords('deno')],
    env: { DENO_NO_UPDATE_CHECK: '1' },
  };
}

export interface HostRun {
  /** The lines it has printed so far. */
  lines: string[];
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; output: string; errors: string }>;
}

/** A directory in which the package appears to be installed; deleted after the tests. */
export class HostProject {
  readonly #host: Host;
  readonly #directory = mkdtempSync(join(tmpdir(), 'host-'));

  constructor(host: Host) {
    this.#host = host;
    afterAll(() => rmSync(this.#directory, { recursive: true, maxRetries: 5 }));
    const dependencies = { 'pcsc-bridge': '*' };
    writeFileSync(join(this.#directory, 'package.json'), JSON.stringify({ type: 'module', dependencies }));
    mkdirSync(join(this.#directory, 'node_modules'));
    const root = fileURLToPath(new URL('../..', import.meta.url));
    symlinkSync(root, join(this.#directory, 'node_modules/pcsc-bridge'));
  }

  /** Starts an ES module. A run that takes longer than 15 seconds ends with signal SIGKILL. */
  start(source: string, onLine: (line: string) => void = () => {}): HostRun {
    const module = join(this.#directory, 'program.mjs');
    writeFileSync(module, source);
    const [command = '', ...words] = this.#host.command;
    const home = { HOME: this.#directory, DENO_DIR: join(this.#directory, 'deno'), NO_COLOR: '1' };
    const child = spawn(command, [...words, module], {
      cwd: this.#directory,
      env: { ...process.env, ...this.#host.env, ...home },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: 15_000,
      killSignal: 'SIGKILL',
    });
    const lines: string[] = [];
    let [output, errors] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      for (const line of output.split('\n').slice(lines.length, -1)) {
        lines.push(line);
        onLine(line);
      }
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
    });
    const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, output, errors }));
    return { lines, ended };
  }

  /** Runs an ES module to its end and returns the lines that it printed; fails if it did not exit well. */
  async run(source: string, onLine?: (line: string) => void): Promise<string[]> {
    const { lines, ended } = this.start(source, onLine);
    const { code, signal, errors } = await ended;
    if (code !== 0 || errors !== '') {
      throw new Error(
        `${this.#host.name} ended with ${signal ?? `status ${code}`}, printed ${JSON.stringify(lines)}\n${errors}`,
      );
    }
    return lines;
  }
}
