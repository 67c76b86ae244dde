/** A socket with line-based messages: each message is one line of UTF-8, ended by \n, of limited length. */
import type { Socket } from 'node:net';

/** The longest message, without its line end (docs/agent-protocol.md). */
export const longestLine = 262_144;

const newline = 0x0a;

/** The peer's address as text; an IPv4 address on an IPv6 socket is shown as IPv4. */
export function addressOf({ remoteAddress }: Socket): string {
  return (remoteAddress ?? 'an unknown address').replace(/^::ffff:/, '');
}

export class LineSocket {
  readonly #socket: Socket;
  #longest: number;
  #parts: Buffer[] = [];
  #length = 0;
  #onLine: (line: string) => void = () => {};
  /** Fulfilled with the reason, the end of a sentence, when the connection has ended. */
  readonly closed: Promise<string>;
  /** `ADDRESS` of the peer. */
  readonly address: string;

  constructor(socket: Socket, longest: number) {
    this.#socket = socket;
    this.#longest = longest;
    this.address = addressOf(socket);
    let why: string | undefined;
    socket.setNoDelay(true);
    // A host that was switched off sends nothing: keep-alive detects it.
    socket.setKeepAlive(true, 10_000);
    socket.on('data', (data) => this.#take(data));
    socket.on('error', (error) => {
      why = error.message;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve(why ?? 'the connection was closed'));
    });
  }

  /** Passes lines to this function from now on, optionally with another limit of their length. */
  onLine(listener: (line: string) => void, longest = this.#longest): void {
    this.#onLine = listener;
    this.#longest = longest;
  }

  /**
   * Sends a line, which includes its end. `sent` is called when the bytes are no longer needed, whether sent or not.
   */
  send(line: Uint8Array | string, sent: () => void = () => {}): void {
    if (this.#socket.destroyed) sent();
    else this.#socket.write(line, sent);
  }

  /** Closes the connection after everything is sent, and ignores further input. */
  end(line = ''): void {
    this.#onLine = () => {};
    this.#socket.end(line);
    // A peer that keeps sending, or does not read, must not delay the end.
    const timer = setTimeout(() => this.#socket.destroy(), 1000).unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  /** Closes the connection at once. */
  destroy(reason?: string): void {
    this.#onLine = () => {};
    this.#socket.destroy(reason === undefined ? undefined : new Error(reason));
  }

  #take(data: Buffer): void {
    let rest = data;
    for (let end = rest.indexOf(newline); end >= 0; end = rest.indexOf(newline)) {
      this.#parts.push(rest.subarray(0, end));
      this.#length += end;
      rest = rest.subarray(end + 1);
      if (this.#length > this.#longest) break;
      const line = Buffer.concat(this.#parts).toString('utf8');
      this.#parts = [];
      this.#length = 0;
      this.#onLine(line);
      if (this.#socket.destroyed) return;
    }
    this.#parts.push(rest);
    this.#length += rest.length;
    if (this.#length > this.#longest) this.#tooLong();
  }

  #tooLong(): void {
    this.#parts = [];
    this.#length = 0;
    this.destroy(`it sent a line of more than ${this.#longest} bytes`);
  }
}
