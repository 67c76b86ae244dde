/** Concurrent requests to an agent over one connection. */
import { setMaxListeners } from 'node:events';
import { abortError } from '../../../support/cancellation.js';
import { AgentError, AgentGoneError } from './errors.js';
import { type LineSocket, longestLine } from './lines.js';
import { isObject } from './wire.js';

export type Members = Readonly<Record<string, unknown>>;

export interface RequestOptions {
  /** Sent as hexadecimal in the parameter `apdu`, and the bytes sent are wiped: it may carry a PIN. */
  apdu?: Uint8Array | undefined;
  /** Milliseconds the command may wait: sent with it. */
  timeout?: number | undefined;
  /** Cancels the request; the promise rejects at once. */
  signal?: AbortSignal | undefined;
  /** Called with a result that arrives after the request was given up, to undo it. */
  late?: ((result: Members) => void) | undefined;
}

/** Milliseconds for an answer, in addition to the time of the command. */
const patience = 30_000;

interface Pending {
  resolve(result: Members): void;
  reject(error: Error): void;
  command: string;
}

export class AgentLink {
  readonly who: string;
  /** Fulfilled when the connection has ended, on either side. */
  readonly closed: Promise<AgentGoneError>;
  readonly #lines: LineSocket;
  readonly #pending = new Map<number, Pending>();
  readonly #watches = new Map<number, (event: Members) => void>();
  #gone: AgentGoneError | undefined;
  #nextId = 1;

  /** @param who - The agent, as used in sentences. */
  constructor(lines: LineSocket, who: string) {
    this.who = who;
    this.#lines = lines;
    lines.onLine((line) => this.#take(line), longestLine);
    this.closed = lines.closed.then((why) => this.#end(why));
  }

  /**
   * Sends a request and waits for its result. Errors: AgentError as the agent answers; AbortError; AgentGoneError
   * when the link ends first.
   */
  async request(command: string, parameters: Members = {}, options: RequestOptions = {}): Promise<Members> {
    const { apdu, timeout, signal, late } = options;
    this.throwIfGone();
    if (signal?.aborted) throw abortError(command, undefined, signal.reason);
    const id = this.#nextId++;
    const limit = (timeout ?? 0) + patience;
    let onAbort = () => {};
    const timer = setTimeout(
      () => this.#lines.destroy(`it did not answer "${command}" within ${limit / 1000} s`),
      limit,
    );
    try {
      return await new Promise<Members>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject, command });
        onAbort = () => {
          this.#pending.set(id, { resolve: late ?? (() => {}), reject: () => {}, command });
          this.#cancel(id);
          reject(abortError(command, undefined, signal?.reason));
        };
        if (signal) {
          // Many requests may share one signal: suppress Node's warning.
          setMaxListeners(0, signal);
          signal.addEventListener('abort', onAbort, { once: true });
        }
        const line = encode({ id, command, ...parameters, ...(timeout !== undefined && { timeout }) }, apdu);
        this.#lines.send(line, () => line.fill(0));
      });
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** Subscribes to the agent's reader events; the returned function ends that. */
  async watch(listener: (event: Members) => void): Promise<() => Promise<void>> {
    // The answer may arrive in one packet with the first events.
    const id = this.#nextId;
    this.#watches.set(id, listener);
    try {
      await this.request('watch');
    } catch (error) {
      this.#watches.delete(id);
      throw error;
    }
    return async () => {
      this.#watches.delete(id);
      await this.request('cancel', { request: id });
    };
  }

  /** @throws {AgentGoneError} The link has ended. */
  throwIfGone(): void {
    if (this.#gone) throw this.#gone;
  }

  /** Ends the link: the agent releases everything and exits. */
  close(): void {
    this.#end('its controller closed the link');
    this.#lines.end();
  }

  /** The request's own answer reports the outcome. */
  #cancel(request: number): void {
    const id = this.#nextId++;
    this.#pending.set(id, { resolve: () => {}, reject: () => {}, command: 'cancel' });
    this.#lines.send(encode({ id, command: 'cancel', request }));
  }

  #take(line: string): void {
    const complaint = this.#understand(line);
    if (complaint) this.#lines.destroy(complaint);
  }

  /** Why a line is invalid; undefined if it is valid. */
  #understand(line: string): string | undefined {
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      return 'it sent a line that is not JSON';
    }
    if (!isObject(message)) return 'it sent a line that is no JSON object';
    if (typeof message['event'] === 'string') {
      this.#watches.get(Number(message['watch']))?.(message);
      return undefined;
    }
    const { id, result, error } = message;
    const pending = typeof id === 'number' ? this.#pending.get(id) : undefined;
    if (typeof id !== 'number' || !pending) {
      const what = error ? `: ${new AgentError('it says', 'a line', error).message}` : '';
      return `it sent an answer to nothing that was asked${what}`;
    }
    this.#pending.delete(id);
    if (isObject(result)) pending.resolve(result);
    else pending.reject(new AgentError(this.who, pending.command, error));
    return undefined;
  }

  #end(why: string): AgentGoneError {
    this.#gone ??= new AgentGoneError(this.who, why);
    for (const { reject } of this.#pending.values()) reject(this.#gone);
    this.#pending.clear();
    this.#watches.clear();
    return this.#gone;
  }
}

const hexDigits = Buffer.from('0123456789abcdef');

/** A line, its end included. The bytes of `apdu` never become a string, which could not be wiped. */
function encode(request: Members, apdu?: Uint8Array): Buffer {
  const text = JSON.stringify(request);
  if (!apdu) return Buffer.from(`${text}\n`);
  const head = `${text.slice(0, -1)},"apdu":"`;
  const tail = '"}\n';
  const start = Buffer.byteLength(head);
  const line = Buffer.alloc(start + 2 * apdu.length + tail.length);
  line.write(head);
  apdu.forEach((byte, index) => {
    line[start + 2 * index] = hexDigits[byte >> 4] ?? 0;
    line[start + 2 * index + 1] = hexDigits[byte & 0xf] ?? 0;
  });
  line.write(tail, start + 2 * apdu.length);
  return line;
}
