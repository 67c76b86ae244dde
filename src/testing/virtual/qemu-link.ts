import { createConnection, type Socket } from 'node:net';
import type { LinkHandler } from './link.js';

/** Message types of the VSC protocol (libcacard, vscard_common.h). */
const Type = { Init: 1, Error: 2, ReaderAdd: 3, Atr: 5, CardRemove: 6, Apdu: 7 } as const;

/** Type, reader id and length of the payload, 32 bits each, big endian. */
const HEADER_SIZE = 12;
/** "VSCD", the version, and one word of capabilities: none. */
const INIT = Buffer.from('5653434400000002' + '00000000', 'hex');
const READER_ID = 0;

/** Where QEMU listens for the card: the path of the chardev of its device `ccid-card-passthru`. */
export interface QemuAddress {
  /** Path of a Unix socket. */
  socket: string;
}

/**
 * The card's end of the link to a USB CCID reader that QEMU emulates (`usb-ccid` with `ccid-card-passthru`): the VSC protocol
 * over a Unix socket. The guest's CCID driver and pcscd see the card.
 *
 * The reader is a TPDU-level reader and QEMU passes whole T=0 commands, so the card's ATR must not name another
 * protocol. QEMU does not report a reset to the card: state such as a verified PIN survives it.
 */
export class QemuLink {
  readonly #socket: Socket;
  readonly #handler: LinkHandler;
  #received: Buffer = Buffer.alloc(0);
  /** What to do when QEMU confirms a message, in order. */
  readonly #confirmed: (() => void)[] = [];
  #down = false;

  private constructor(address: QemuAddress, handler: LinkHandler, signal?: AbortSignal) {
    this.#handler = handler;
    this.#socket = createConnection({ path: address.socket, ...(signal && { signal }) });
  }

  /**
   * Connects and inserts the card. The handler gets `powerOn`, then is asked for the ATR; `closed` is its last call.
   * The guest's pcscd sees the card at its next poll, within 400 ms, without a message to the card.
   *
   * @throws {Error} Nothing listens at the path (code ECONNREFUSED or ENOENT), or another error of the socket.
   */
  static async connect(address: QemuAddress, handler: LinkHandler, signal?: AbortSignal): Promise<QemuLink> {
    const link = new QemuLink(address, handler, signal);
    await link.#connected();
    link.#insert();
    return link;
  }

  /** Sends a response APDU. Does nothing once the link is down. */
  send(response: Uint8Array): void {
    if (!this.#down) this.#write(Type.Apdu, response);
  }

  /** Takes the card out of the reader. `closed` follows when QEMU has reported that to the guest. */
  close(): void {
    if (this.#down) return;
    this.#down = true;
    this.#request(Type.CardRemove, undefined, () => this.#socket.end());
  }

  /** Ends the connection. The handler's `closed` follows. QEMU leaves the card in the reader. */
  destroy(): void {
    this.#socket.destroy();
  }

  #insert(): void {
    this.#request(Type.Init, INIT, () =>
      this.#request(Type.ReaderAdd, undefined, () => {
        this.#handler.powerOn();
        this.#write(Type.Atr, this.#handler.atr());
      }),
    );
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        let failure: Error | undefined;
        socket.on('error', (error) => {
          failure = error;
        });
        socket.on('data', (data) => this.#receive(data));
        socket.on('close', () => {
          const error = this.#down ? undefined : failure;
          this.#down = true;
          this.#handler.closed(error);
        });
        resolve();
      });
    });
  }

  #request(type: number, payload: Uint8Array | undefined, confirmed: () => void): void {
    this.#confirmed.push(confirmed);
    this.#write(type, payload);
  }

  #write(type: number, payload: Uint8Array = new Uint8Array(0)): void {
    const message = Buffer.alloc(HEADER_SIZE + payload.length);
    message.writeUInt32BE(type, 0);
    message.writeUInt32BE(READER_ID, 4);
    message.writeUInt32BE(payload.length, 8);
    message.set(payload, HEADER_SIZE);
    this.#socket.write(message);
  }

  #receive(data: Buffer): void {
    this.#received = Buffer.concat([this.#received, data]);
    // Both may hold a PIN; what is left of them is in the copy.
    data.fill(0);
    for (;;) {
      const received = this.#received;
      if (received.length < HEADER_SIZE) return;
      const end = HEADER_SIZE + received.readUInt32BE(8);
      if (received.length < end) return;
      this.#received = Buffer.from(received.subarray(end));
      this.#dispatch(received.readUInt32BE(0), Uint8Array.from(received.subarray(HEADER_SIZE, end)));
      received.fill(0);
    }
  }

  #dispatch(type: number, payload: Uint8Array): void {
    // QEMU confirms Init by an Init or an Error, everything else by an Error with the code 0.
    if (type === Type.Apdu && !this.#down) this.#handler.apdu(payload);
    else if (type === Type.Error || type === Type.Init) this.#confirmed.shift()?.();
  }
}
