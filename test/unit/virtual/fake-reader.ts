import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { exchange, fromHex, type ResponseApdu, toHex } from '../../../src/apdu/index.js';
import { type Applet, VirtualCard, type VirtualCardOptions } from '../../../src/testing/virtual/index.js';

/** The reader's end of the vpcd link, for one card at a time. */
export class FakeReader implements AsyncDisposable {
  readonly port: number;
  readonly #server: Server;
  #socket: Socket | undefined;
  #received = Buffer.alloc(0);
  readonly #arrived: Uint8Array[] = [];
  readonly #waiting: ((payload: Uint8Array) => void)[] = [];
  /** Powers every card that connects, as pcscd does. */
  powersCards = true;
  /** Milliseconds between the last message and the next presence poll, which meets the end of a link. */
  pollPeriod = 400;
  /** Connections that have been made to the reader. */
  connections = 0;
  #lastSent = 0;

  private constructor(server: Server) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => {
      this.connections += 1;
      this.#socket = socket;
      socket.on('data', (data) => this.#receive(data));
      socket.on('error', () => {});
      socket.on('end', () => this.#meetEnd(socket));
      if (this.powersCards) this.#power();
    });
  }

  static async listen(): Promise<FakeReader> {
    const server = createServer({ noDelay: true, allowHalfOpen: true });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new FakeReader(server);
  }

  /** Inserts a card here, with these applets. */
  async insert(applets: Applet[], options: Partial<VirtualCardOptions> = {}): Promise<VirtualCard> {
    return VirtualCard.insert({ port: this.port, applets, ...options });
  }

  /** Waits for the next card to connect. */
  async connection(): Promise<void> {
    await once(this.#server, 'connection');
  }

  /** Sends raw bytes: frames, parts of frames, several frames. */
  write(bytes: Uint8Array): void {
    this.#lastSent = performance.now();
    this.#socket?.write(bytes);
  }

  /** Sends one message. */
  send(payload: Uint8Array): void {
    this.write(frame(payload));
  }

  /** The next message from the card. */
  receive(): Promise<Uint8Array> {
    const payload = this.#arrived.shift();
    if (payload !== undefined) return Promise.resolve(payload);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Sends one APDU and returns its response, both in hexadecimal. */
  async transmit(apdu: string): Promise<string> {
    this.send(fromHex(apdu));
    return toHex(await this.receive());
  }

  /** Sends one command and returns its whole response, with chaining and GET RESPONSE as needed. */
  exchange(apdu: string | Uint8Array): Promise<ResponseApdu> {
    const transmit = (bytes: Uint8Array) => {
      this.send(bytes);
      return this.receive();
    };
    return exchange(transmit, typeof apdu === 'string' ? fromHex(apdu) : apdu);
  }

  powerOff(): void {
    this.send(Uint8Array.of(0));
  }

  powerOn(): void {
    this.send(Uint8Array.of(1));
  }

  reset(): void {
    this.send(Uint8Array.of(2));
  }

  async atr(): Promise<string> {
    this.send(Uint8Array.of(4));
    return toHex(await this.receive());
  }

  /** Ends the link from the reader's side. */
  hangUp(): void {
    this.#socket?.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hangUp();
    this.#server.close();
    await once(this.#server, 'close');
  }

  /** The presence poll asks for the ATR. */
  #meetEnd(socket: Socket): void {
    // A card that is gone answers no more.
    this.#waiting.length = 0;
    const poll = () => socket.end(frame(Uint8Array.of(4)));
    const timer = setTimeout(poll, this.#lastSent + this.pollPeriod - performance.now());
    socket.once('close', () => clearTimeout(timer));
  }

  #power(): void {
    this.powerOn();
    // The ATR must not be taken for the response to an APDU.
    this.#waiting.push(() => {});
    this.send(Uint8Array.of(4));
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    while (this.#received.length >= 2) {
      const end = 2 + this.#received.readUInt16BE(0);
      if (this.#received.length < end) return;
      const payload = Uint8Array.from(this.#received.subarray(2, end));
      this.#received = this.#received.subarray(end);
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#arrived.push(payload);
      else waiting(payload);
    }
  }
}

/** A message as the link carries it. */
export function frame(payload: Uint8Array): Uint8Array {
  return Uint8Array.of(payload.length >> 8, payload.length & 0xff, ...payload);
}
