/** The other process: holds a transaction on a card, by plain PC/SC. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { findProgram } from '../../native/prebuilt.js';
import type { Hold } from './cast.js';

/** A running native/holder. It ends when its time is over, or with this process. */
export class Holder implements Hold {
  readonly released: Promise<number>;

  private constructor(
    readonly since: number,
    readonly process: ChildProcess,
    released: Promise<number>,
  ) {
    this.released = released;
  }

  /** Starts the other process and waits until it holds the card. */
  static async start(reader: string, holdMs: number, signal?: AbortSignal): Promise<Holder> {
    const program = findProgram('pcsc-holder');
    if (program === undefined)
      throw new Error('pcsc-holder is missing: build it with "npm run build:native"');
    // Its standard input is a pipe from this process: it releases the card when this process ends.
    const child = spawn(program, [reader, String(holdMs)], { stdio: ['pipe', 'pipe', 'pipe'], signal });
    child.on('error', () => {}); // 'close' reports it
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const closed = once(child, 'close').then(([code]) => {
      throw new Error(`the process that held "${reader}" ended too early (${code}): ${complaint.trim()}`);
    });
    const lines = createInterface({ input: child.stdout });
    const said = (word: string) =>
      new Promise<number>((resolve) => {
        lines.on('line', (line) => line === word && resolve(performance.now()));
      });
    const released = Promise.race([said('released'), closed]);
    released.catch(() => {}); // its caller handles the rejection
    const since = await Promise.race([said('held'), closed]);
    return new Holder(since, child, released);
  }

  async release(): Promise<void> {
    this.process.stdin?.end();
  }
}
