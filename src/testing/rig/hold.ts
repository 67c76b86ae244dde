/** Another process that holds a transaction on a card, by plain PC/SC: the program pcsc-holder. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { findHolder } from '../../native/programs.js';
import { Deadline } from './deadline.js';
import { RigError } from './error.js';

export interface HoldOptions {
  /** Aborts the wait for the card. */
  signal?: AbortSignal;
  /**
   * Milliseconds within which the other process must get the card. It waits if a third program has a transaction.
   * @default 10000
   */
  timeout?: number;
}

/** How the process is started. */
export interface HolderLaunch {
  /** Milliseconds after which it releases the card; until `release` if undefined. */
  holdMs?: number;
  /** Its environment. */
  env?: NodeJS.ProcessEnv;
  /** Ends it, also while it holds the card. */
  signal?: AbortSignal;
}

/** A card that another process holds in a transaction. The process also ends with this one, however that ends. */
export class CardHold implements AsyncDisposable {
  /** When it got the card (performance.now()). */
  readonly since: number;
  /** When it released the card (performance.now()); rejects with a RigError if the hold ended in another way. */
  readonly released: Promise<number>;
  /** The process id. */
  readonly pid: number;
  readonly #process: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #closed: Promise<unknown>;

  private constructor(
    process: ChildProcessByStdio<Writable, Readable, Readable>,
    since: number,
    released: Promise<number>,
    closed: Promise<unknown>,
  ) {
    this.#process = process;
    this.pid = process.pid as number;
    this.since = since;
    this.released = released;
    this.#closed = closed;
  }

  /**
   * Starts the process, and waits until it holds the card.
   *
   * @throws {RigError} RIG_PARTS_MISSING if the program is missing, RIG_HOLD_FAILED if it cannot hold the card.
   */
  static async start(reader: string, { holdMs, env, signal }: HolderLaunch = {}): Promise<CardHold> {
    const program = findHolder();
    if (program === undefined) {
      throw new RigError(
        'RIG_PARTS_MISSING',
        'The program pcsc-holder is missing: there is no package of pcsc-bridge for this platform. "npm install @pcsc-bridge/source" compiles it; in the repository, "npm run build:native".',
      );
    }
    const time = holdMs === undefined ? [] : [String(holdMs)];
    // Its standard input is a pipe from this process: it releases the card when this process ends.
    const child = spawn(program, [reader, ...time], { stdio: ['pipe', 'pipe', 'pipe'], env, signal });
    child.on('error', () => {}); // 'close' reports it
    child.stdin.on('error', () => {});
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const closed = once(child, 'close').catch(() => {});
    const lines = createInterface({ input: child.stdout });
    const line = (word: string) =>
      new Promise<number>((resolve) => {
        lines.on('line', (text) => text === word && resolve(performance.now()));
      });
    const since = line('held');
    const tooEarly = (what: string) =>
      closed.then((): never => {
        const { exitCode, signalCode } = child;
        const reason = complaint.trim() || `pcsc-holder ended with ${signalCode ?? `status ${exitCode}`}`;
        throw new RigError('RIG_HOLD_FAILED', `${what} "${reader}": ${reason}`);
      });
    const released = Promise.race([line('released'), tooEarly('The process lost the card in')]);
    released.catch(() => {}); // its caller handles the rejection
    const held = await Promise.race([since, tooEarly('No process can hold a card in')]);
    return new CardHold(child, held, released, closed);
  }

  /** Ends the transaction, leaves the card as it is, and resolves when the process has ended. Never rejects. */
  async release(): Promise<void> {
    this.#process.stdin.end();
    await this.#closed;
  }

  /** As `release`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/**
 * Holds the card in a reader within a time limit.
 *
 * @throws {RigError} As `CardHold.start`; RIG_HOLD_FAILED also if the time is over.
 * @throws The signal's reason if it aborts.
 */
export async function holdWithin(
  reader: string,
  env: NodeJS.ProcessEnv,
  { signal, timeout = 10_000 }: HoldOptions,
): Promise<CardHold> {
  signal?.throwIfAborted();
  using limit = new Deadline(timeout, signal);
  try {
    return await CardHold.start(reader, { env, signal: limit.signal });
  } catch (cause) {
    signal?.throwIfAborted();
    if (!limit.passed) throw cause;
    const reason = `another program still has the card after ${timeout} ms`;
    throw new RigError('RIG_HOLD_FAILED', `No process can hold a card in "${reader}": ${reason}`, { cause });
  }
}
