/**
 * Controls the stand-in PC/SC service (test/fake-pcsc) from outside: sends it commands and reads the calls that it
 * received. Used by tests and, compiled, inside the programs under test; depends only on Node.
 */
import { appendFileSync, closeSync, openSync, readSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';

/** A call of a library function, as the library logged it. */
export interface FakeCall {
  call: number;
  /** Start of the call, in microseconds. */
  us: number;
  thread: number;
  /** `SCardTransmit`. */
  name: string;
  context: number;
  handle?: number;
  reader?: string;
  share?: number;
  protocols?: number;
  protocol?: number;
  disposition?: number;
  /** The first 64 bytes, in hexadecimal; `bytes` is the total number. */
  apdu?: string;
  input?: string;
  bytes?: number;
  code?: number;
  id?: number;
  timeout?: number;
  /** The length of the output buffer. */
  room?: number;
  item?: string;
  freshness?: number;
  /** The script makes it wait for `go`. */
  stuck?: true;
  /** Undefined until it has returned. */
  done?: {
    us: number;
    result: number;
    context?: number;
    handle?: number;
    protocol?: number;
    response?: string;
    bytes?: number;
    left?: number;
  };
}

interface LogLine extends Partial<Omit<FakeCall, 'stuck' | 'done'>> {
  done?: number;
  stuck?: number;
  told?: number;
  error?: string;
  violation?: string;
  result?: number;
}

const patience = 15_000;
const dispositions = ['leave', 'reset', 'unpower', 'eject'];

export class FakeService {
  /** Violations of PC/SC's rules: a context used by two threads at once, a handle used after its end. */
  readonly violations: string[] = [];
  /** Lines of the script that are not valid. */
  readonly errors: string[] = [];
  readonly #script: string;
  readonly #log: string;
  readonly #calls = new Map<number, FakeCall>();
  #told = 0;
  #offset = 0;
  #unfinished: Buffer = Buffer.alloc(0);

  constructor(files: { script: string; log: string }) {
    this.#script = files.script;
    this.#log = files.log;
  }

  /** Adds lines to the script. They apply to every call that begins later. */
  write(...lines: string[]): void {
    appendFileSync(this.#script, lines.map((line) => `${line}\n`).join(''));
  }

  /** Adds lines to the script and waits until the library has executed them. The library must be in use. */
  async tell(...lines: string[]): Promise<void> {
    this.#read();
    const before = this.#told;
    this.write(...lines);
    await this.until(`the script's lines ${lines.join('; ')}`, () => this.#told >= before + lines.length);
  }

  /** All calls so far, or those of the given functions, in the order in which they began. */
  calls(...names: string[]): FakeCall[] {
    this.#read();
    const calls = [...this.#calls.values()];
    return names.length === 0 ? calls : calls.filter(({ name }) => names.includes(name));
  }

  /** The calls in order, in short: `EndTransaction leave`. Leaves out checks whether a card is free. */
  sequence(names?: readonly string[]): string[] {
    return this.calls()
      .filter(({ name }) => (names ? names.includes(name.slice(5)) : name !== 'SCardGetAttrib'))
      .map(({ name, disposition }) => {
        const how = disposition === undefined ? '' : ` ${dispositions[disposition]}`;
        return `${name.slice(5)}${how}`;
      });
  }

  /** The `count`th call of a function for which `which` holds, once it has been made. */
  async saw(name: string, which: (call: FakeCall) => boolean = () => true, count = 1): Promise<FakeCall> {
    return this.until(`${count} calls of ${name}`, () => this.calls(name).filter(which)[count - 1]);
  }

  /** Waits until a call of this function is stuck. */
  async stuck(name: string): Promise<FakeCall> {
    return this.saw(name, (call) => call.stuck === true && call.done === undefined);
  }

  /**
   * Resources that were opened and not released: contexts without SCardReleaseContext, cards without SCardDisconnect.
   */
  left(): string[] {
    const calls = this.calls();
    const opened = (name: string) => calls.filter((call) => call.name === name && call.done?.result === 0);
    const released = new Set(
      calls.filter((c) => c.name === 'SCardReleaseContext' && c.done).map((c) => c.context),
    );
    const letGo = new Set(calls.filter((c) => c.name === 'SCardDisconnect' && c.done).map((c) => c.handle));
    return [
      ...opened('SCardEstablishContext')
        .filter((call) => !released.has(call.done?.context ?? 0))
        .map((call) => `context ${call.done?.context}`),
      ...opened('SCardConnect')
        .filter((call) => !letGo.has(call.done?.handle))
        .map((call) => `card ${call.done?.handle}`),
    ];
  }

  /** The first truthy result of `look`. */
  async until<T>(what: string, look: () => T): Promise<NonNullable<T>> {
    const end = performance.now() + patience;
    for (;;) {
      this.#read();
      const found = look();
      if (found) return found;
      if (this.errors.length > 0) throw new Error(this.errors.join('\n'));
      if (performance.now() > end) {
        const last = [...this.#calls.values()].slice(-8).map((call) => JSON.stringify(call));
        throw new Error(`${what} did not come. The last calls:\n${last.join('\n')}`);
      }
      await setTimeout(2);
    }
  }

  #read(): void {
    const file = openSync(this.#log, 'r');
    const parts = [this.#unfinished];
    for (;;) {
      const buffer = Buffer.allocUnsafe(65_536);
      const length = readSync(file, buffer, 0, buffer.length, this.#offset);
      if (length === 0) break;
      this.#offset += length;
      parts.push(buffer.subarray(0, length));
    }
    closeSync(file);
    const text = Buffer.concat(parts);
    const end = text.lastIndexOf(0x0a) + 1;
    this.#unfinished = text.subarray(end);
    for (const line of text.toString('utf8', 0, end).split('\n')) if (line) this.#take(JSON.parse(line));
  }

  #take(line: LogLine): void {
    if (line.told !== undefined) this.#told = line.told;
    if (line.error !== undefined) this.errors.push(line.error);
    if (line.violation !== undefined) this.violations.push(line.violation);
    const { stuck, done, ...rest } = line;
    if (line.call !== undefined) this.#calls.set(line.call, rest as FakeCall);
    const stands = this.#calls.get(stuck ?? 0);
    if (stands) stands.stuck = true;
    const ended = this.#calls.get(done ?? 0);
    if (ended) ended.done = rest as NonNullable<FakeCall['done']>;
  }
}

/** Encodes an arbitrary text as a word of the script. */
export function quoted(word: string): string {
  return `"${word.replaceAll(/["\\]/g, '\\$&')}"`;
}
