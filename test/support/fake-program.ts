/** The inside of a program under test: what `FakePcsc.run` passes to it, and how it reports its result. */
import { writeFileSync } from 'node:fs';
import { FakeService } from './fake-service.js';

/** The arguments of a program. */
export interface Kit {
  bridge: typeof import('../../src/index.js');
  ccid: typeof import('../../src/ccid/index.js');
  web: typeof import('../../src/web/index.js');
  /** The library that this program has loaded. */
  fake: FakeService;
  /** The error of a promise that rejects, as data; fails if the promise resolves. */
  errorOf(promise: Promise<unknown>): Promise<ErrorData>;
  /** Milliseconds until the promise settles. */
  durationOf(promise: Promise<unknown>): Promise<number>;
  sleep(ms: number): Promise<void>;
  /** Permits the program to leave contexts and cards behind. */
  mayLeave(): void;
  /** Exits with process.exit, not when nothing is left to do; may leave contexts and cards behind. */
  exits(): void;
}

export interface ErrorData {
  name: string;
  message: string;
  code?: string;
  value?: number;
  operation?: string;
  reader?: string;
  /** Of a SmartCardError. */
  responseCode?: string;
}

export interface ProgramResult {
  value?: unknown;
  /** The error it threw. */
  failure?: string;
  /** Contexts and cards that were never released. */
  left: string[];
  /** When it had nothing more to do (Date.now). */
  at: number;
}

export interface ProgramFiles {
  script: string;
  log: string;
  result: string;
}

export async function runProgram(
  program: (kit: Kit, given: never) => unknown,
  given: unknown,
  files: ProgramFiles,
  modules: Pick<Kit, 'bridge' | 'ccid' | 'web'>,
): Promise<void> {
  const fake = new FakeService(files);
  let mayLeave = false;
  let exits = false;
  const kit: Kit = {
    ...modules,
    fake,
    errorOf,
    durationOf,
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    mayLeave: () => {
      mayLeave = true;
    },
    exits: () => {
      mayLeave = true;
      exits = true;
    },
  };
  const result: ProgramResult = { left: [], at: 0 };
  try {
    result.value = await program(kit, given as never);
    if (!mayLeave) {
      await fake.until('the end of every context and card', () => fake.left().length === 0).catch(() => {});
      result.left = fake.left();
    }
  } catch (error) {
    result.failure = error instanceof Error ? String(error.stack) : String(error);
  }
  result.at = Date.now();
  writeFileSync(files.result, JSON.stringify(result, asData));
  if (exits) process.exit();
}

function asData(_: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex').toUpperCase();
  if (value instanceof ArrayBuffer) return Buffer.from(value).toString('hex').toUpperCase();
  return typeof value === 'bigint' ? String(value) : value;
}

async function errorOf(promise: Promise<unknown>): Promise<ErrorData> {
  try {
    await promise;
  } catch (error) {
    const { name, message, code, value, operation, reader, responseCode } = error as ErrorData;
    return JSON.parse(JSON.stringify({ name, message, code, value, operation, reader, responseCode }));
  }
  throw new Error('it succeeded');
}

async function durationOf(promise: Promise<unknown>): Promise<number> {
  const start = performance.now();
  await promise.catch(() => {});
  return performance.now() - start;
}
