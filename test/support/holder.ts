import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { CardBridge } from '../../src/index.js';

const program = fileURLToPath(new URL('../../build/Release/pcsc-holder', import.meta.url));

/** Another process, in a transaction on the card in a reader, by plain PC/SC. */
export class Holder implements AsyncDisposable {
  readonly #process: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<unknown>;

  private constructor(process: ChildProcessWithoutNullStreams) {
    this.#process = process;
    this.#ended = once(process, 'exit');
  }

  /** Resolves when the transaction has begun. */
  static async hold(reader: string): Promise<Holder> {
    const process = spawn(program, [reader]);
    const holder = new Holder(process);
    let complaint = '';
    process.stderr.on('data', (data) => {
      complaint += data;
    });
    const lines = createInterface({ input: process.stdout });
    const first = await Promise.race([once(lines, 'line'), once(process, 'exit')]);
    if (first[0] !== 'held') throw new Error(`pcsc-holder does not hold "${reader}": ${complaint}`);
    return holder;
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Ends the transaction, leaving the card as it is. */
  async release(): Promise<void> {
    this.#process.stdin.end();
    await this.#ended;
  }

  /** The process dies while it holds the card. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL');
    await this.#ended;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.release();
  }
}

/** Whether another process holds the card for longer than any logon does. */
export async function isHeld(bridge: CardBridge, reader: string): Promise<boolean> {
  await using session = await bridge.openSession();
  return await session
    .transaction(reader, () => {}, { timeout: 1000 })
    .then(
      () => false,
      (error: Error) => error.name === 'TimeoutError',
    );
}
