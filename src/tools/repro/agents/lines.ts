/** A socket that speaks in lines: each message is one line of UTF-8, ended by \n, of limited length. */
import type { Socket } from 'node:net';

/** Of any message, without its end (docs/agent-protocol.md). */
export const longestLine = 262_144;

const newline = 0x0a;

/** The peer's address for people: an IPv4 one as such, also on a socket of IPv6. */
export function addressOf({ remoteAddress }: Socket): string {
  return (remoteAddress ?? 'an unknown address').replace(/^::ffff:/, '');
}

export class LineSocket {
  readonly #socket: Socket;
  #longest: number;
  #parts: Buffer[] = [];
  #length = 0;
  #onLine: (line: string) => void = () => {};
  /** Fulfilled with the reason, a sentence's end, once nothing more will come. */
  readonly closed: Promise<string>;
  /** `ADDRESS` of the peer. */
  readonly address: string;

  constructor(socket: Socket, longest: number) {
    this.#socket = socket;
    this.#longest = longest;
    this.address = addressOf(socket);
    let why: string | undefined;
    socket.setNoDelay(true);
    // A host that was switched off says nothing.
    socket.setKeepAlive(true, 10_000);
    socket.on('data', (data) => this.#take(data));
    socket.on('error', (error) => {
      why = error.message;
    });
    this.closed = new Promise((resolve) => {
      socket.on('close', () => resolve(why ?? 'the connection was closed'));
    });
  }

  /** Takes the lines from here on; with another limit of their length, where one is given. */
  onLine(listener: (line: string) => void, longest = this.#longest): void {
    this.#onLine = listener;
    this.#longest = longest;
  }

  /** Sends a line (its end included). `sent` is called when the bytes are no longer needed, sent or not. */
  send(line: Uint8Array | string, sent: () => void = () => {}): void {
    if (this.#socket.destroyed) sent();
    else this.#socket.write(line, sent);
  }

  /** Closes the connection after what was sent; nothing more is listened to. */
  end(line = ''): void {
    this.#onLine = () => {};
    this.#socket.end(line);
    // A peer that goes on talking, or does not read, must not keep us.
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
