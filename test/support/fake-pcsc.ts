/** A stand-in for the PC/SC library, and programs that use the package on it (see docs/fake-pcsc.md). */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { beforeAll, expect, onTestFinished } from 'vitest';
import type { Kit, ProgramFiles, ProgramResult } from './fake-program.js';
import { FakeService } from './fake-service.js';
import { programUnderTest, type UnderTest } from './under-test.js';

export type { ErrorData, Kit } from './fake-program.js';
export { type FakeCall, quoted } from './fake-service.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
export const underTest = programUnderTest();
export const onWindows = underTest.platform === 'windows';

beforeAll(() => {
  buildStandIn(underTest);
}, 180_000);

/** Builds the stand-in library for a host, if it has changed. */
export function buildStandIn({ standIn }: UnderTest): void {
  // One test file after another: they run at the same time.
  const make = ['make', '-s', '-j2', '-f', 'test/fake-pcsc/Makefile', standIn];
  execFileSync('flock', ['test/fake-pcsc/Makefile', ...make], { cwd: root });
}

/** Kills a program that its test did not wait for, and the processes it has started. */
function killGroup(pid: number | undefined): void {
  if (pid !== undefined) process.kill(-pid, 'SIGKILL');
}

/** A program that is running. */
export interface Running<T> {
  /** The returned value, once the process has exited; rejects if it did not exit well. */
  value: Promise<T>;
  /** The same, with the milliseconds from the end of the program to the exit of the process. */
  ended: Promise<{ value: T; endedAfter: number }>;
}

/**
 * One service, with its script, for one program: a process loads its PC/SC library once. Deleted after the test.
 * The program is a function, run in a process of its own: it sees only its arguments.
 */
export class FakePcsc extends FakeService {
  readonly #files: ProgramFiles;
  readonly #directory: string;
  #host = underTest;

  /** For programs that run on another host than `underTest`. */
  static on(host: UnderTest, ...lines: string[]): FakePcsc {
    const fake = new FakePcsc(...lines);
    fake.#host = host;
    return fake;
  }

  /** The script begins with these lines. */
  constructor(...lines: string[]) {
    const directory = mkdtempSync(join(tmpdir(), 'fake-pcsc-'));
    const file = (name: string) => join(directory, name);
    const files = { script: file('script.txt'), log: file('log.jsonl'), result: file('result.json') };
    super(files);
    this.#directory = directory;
    this.#files = files;
    for (const path of Object.values(files)) writeFileSync(path, '');
    this.write(...lines);
    onTestFinished(() => rmSync(directory, { recursive: true, maxRetries: 5 }));
  }

  /** The environment of a program that loads the stand-in. */
  get env(): NodeJS.ProcessEnv {
    const { path, platform, standIn } = this.#host;
    const file = platform === 'windows' ? 'winscard.dll' : 'libpcsclite.so.1';
    return {
      PCSC_BRIDGE_LIBRARY: path(join(root, '.cache/fake-pcsc', standIn, file)),
      FAKE_PCSC_SCRIPT: path(this.#files.script),
      FAKE_PCSC_LOG: path(this.#files.log),
    };
  }

  /** Runs a program to its end and returns its result as JSON (bytes in hexadecimal). */
  async run<T, Given = undefined>(
    program: (kit: Kit, given: Given) => Promise<T> | T,
    ...given: Given extends undefined ? [] : [Given]
  ): Promise<T> {
    return this.start(program, ...given).value;
  }

  start<T, Given = undefined>(
    program: (kit: Kit, given: Given) => Promise<T> | T,
    ...given: Given extends undefined ? [] : [Given]
  ): Running<T> {
    const ended = this.#run<T>(String(program), given[0]);
    const value = ended.then((end) => end.value);
    value.catch(() => {});
    return { ended, value };
  }

  async #run<T>(program: string, given: unknown): Promise<{ value: T; endedAfter: number }> {
    const { path, url, root: packageRoot } = this.#host;
    const env = this.env;
    for (const name of ['fake-service', 'fake-program']) this.#compile(name);
    const files = Object.fromEntries(Object.entries(this.#files).map(([name, file]) => [name, path(file)]));
    const module = join(this.#directory, 'program.mjs');
    const modules = (name: string) => JSON.stringify(url(join(packageRoot, 'dist', name)));
    writeFileSync(
      module,
      `import * as bridge from ${modules('index.js')};
       import * as ccid from ${modules('ccid/index.js')};
       import * as web from ${modules('web/index.js')};
       import { runProgram } from './fake-program.js';
       await runProgram(${program}, ${JSON.stringify(given) ?? 'undefined'}, ${JSON.stringify(files)}, { bridge, ccid, web });`,
    );
    const printed = join(this.#directory, 'output.txt');
    const output = openSync(printed, 'w');
    const child = this.#host.start(module, env, output);
    closeSync(output);
    onTestFinished(() => void (child.exitCode === null && child.signalCode === null && killGroup(child.pid)));
    const [code, signal] = await once(child, 'exit');
    const now = Date.now();
    expect({ code, signal, output: readFileSync(printed, 'utf8') }).toEqual({
      code: 0,
      signal: null,
      output: '',
    });
    const result: ProgramResult = JSON.parse(readFileSync(this.#files.result, 'utf8'));
    if (result.failure !== undefined) throw new Error(`in the program: ${result.failure}`);
    this.calls();
    expect({ violations: this.violations, errors: this.errors, left: result.left }).toEqual({
      violations: [],
      errors: [],
      left: [],
    });
    return { value: result.value as T, endedAfter: now - result.at };
  }

  /** The programs run on the Node under test, which may not support TypeScript. */
  #compile(name: string): void {
    const source = readFileSync(new URL(`${name}.ts`, import.meta.url), 'utf8');
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext },
    });
    writeFileSync(join(this.#directory, 'package.json'), '{"type":"module"}');
    writeFileSync(join(this.#directory, `${name}.js`), outputText);
  }
}
