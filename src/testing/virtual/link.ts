import { createConnection, type Socket } from 'node:net';
import { native } from '../../native/addon.js';
import { encodeFrame, FrameDecoder } from './frames.js';

/** One-byte payloads with which the reader controls the card; every longer payload is a command APDU. */
const Control = { PowerOff: 0, PowerOn: 1, Reset: 2, GetAtr: 4 } as const;

/** A command APDU fits; a longer one comes in several reads. */
const READ_BUFFER_SIZE = 4096;

/** Handles the messages of the reader, in the order of arrival and one at a time. */
export interface LinkHandler {
  powerOn(): void;
  powerOff(): void;
  reset(): void;
  /** Answer to reset, sent whenever the reader asks: at insertion, then every 400 ms to see the card is there. */
  atr(): Uint8Array;
  /**
   * One command APDU, in a buffer that belongs to the handler. The handler answers with `VpcdLink.send`; the reader
   * waits for that answer without limit before it sends the next message.
   */
  apdu(command: Uint8Array): void;
  /** The link has ended. `error` is undefined after `VpcdLink.close` and after an orderly end. */
  closed(error: Error | undefined): void;
}

export interface LinkAddress {
  /** Port of the reader slot. */
  port: number;
  /** Host of pcscd; default 127.0.0.1. */
  host?: string;
}

/**
 * The card's end of the link to vpcd, vsmartcard's virtual reader: TCP, each message a two-byte length
 * (big endian) and a payload.
 *
 * vpcd writes length and payload separately and leaves Nagle's algorithm on, so its kernel holds the payload
 * back until the length is acknowledged; a delayed acknowledgement makes every APDU take 44 ms. Therefore
 * TCP_QUICKACK, which the kernel clears again at will (tcp(7)), is set after connecting, after each send,
 * and when a message is incomplete. Node.js has no function for this option, so the virtual cards load the addon.
 */
export class VpcdLink {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder();
  readonly #handler: LinkHandler;
  /** True if this side has ended the link, or both sides have: nothing is sent any more. */
  #down = false;
  #quietSince = performance.now();
  #checkedAt: number | undefined;

  private constructor(address: LinkAddress, handler: LinkHandler, signal?: AbortSignal) {
    this.#handler = handler;
    const buffer = new Uint8Array(READ_BUFFER_SIZE);
    this.#socket = createConnection({
      host: address.host ?? '127.0.0.1',
      port: address.port,
      noDelay: true,
      ...(signal && { signal }),
      onread: {
        buffer,
        callback: (size) => {
          this.#receive(buffer.subarray(0, size));
          return true;
        },
      },
    });
  }

  /**
   * Connects to a reader slot. The reader sends nothing before it has taken the card, which pcscd does at its next
   * poll. `signal` ends the link at any time.
   *
   * @throws {Error} No program listens at the port (code ECONNREFUSED), or another network error.
   */
  static async connect(address: LinkAddress, handler: LinkHandler, signal?: AbortSignal): Promise<VpcdLink> {
    const link = new VpcdLink(address, handler, signal);
    await link.#connected();
    return link;
  }

  /** Sends a response APDU or an ATR. Does nothing once the link is down. */
  send(payload: Uint8Array): void {
    if (this.#down) return;
    this.#socket.write(encodeFrame(payload));
    this.#acknowledgeAtOnce();
  }

  /**
   * Takes the card out of the reader. The handler gets no further message except `closed`, which follows when the
   * reader has met the end of the link: instead of an answer that it is waiting for, or at its next presence check.
   *
   * Only this side's half of the connection ends, so that the reader's last message still arrives (`checkedAt`).
   */
  close(): void {
    if (this.#down) return;
    this.#down = true;
    this.#socket.end();
  }

  /** Ends both halves of the connection. The handler's `closed` follows. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** When the last message before `close` arrived, or the link was made (performance.now()). */
  get quietSince(): number {
    return this.#quietSince;
  }

  /**
   * When the reader met the end of this link by a presence check (performance.now()); undefined if it was another
   * message, or none yet.
   */
  get checkedAt(): number | undefined {
    return this.#checkedAt;
  }

  #connected(): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = this.#socket;
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        this.#acknowledgeAtOnce();
        let failure: Error | undefined;
        socket.on('error', (error) => {
          failure = error;
        });
        // A reader that is removed ends its half first; an answer is useless then.
        socket.on('end', () => socket.destroy());
        socket.on('close', () => {
          const error = this.#down ? undefined : failure;
          this.#down = true;
          this.#handler.closed(error);
        });
        resolve();
      });
    });
  }

  #receive(data: Uint8Array): void {
    for (const payload of this.#decoder.push(data)) this.#dispatch(payload);
    // What was read may hold a PIN, and the buffer lives as long as the link.
    data.fill(0);
    if (this.#decoder.midMessage) this.#acknowledgeAtOnce();
  }

  #dispatch(payload: Uint8Array): void {
    if (this.#down) {
      this.#checkedAt = payload.length === 1 && payload[0] === Control.GetAtr ? performance.now() : undefined;
      payload.fill(0);
      return;
    }
    this.#quietSince = performance.now();
    if (payload.length !== 1) {
      this.#handler.apdu(payload);
      return;
    }
    switch (payload[0]) {
      case Control.PowerOff:
        this.#handler.powerOff();
        break;
      case Control.PowerOn:
        this.#handler.powerOn();
        break;
      case Control.Reset:
        this.#handler.reset();
        break;
      case Control.GetAtr:
        this.send(this.#handler.atr());
        break;
      default:
        this.#handler.apdu(payload);
    }
  }

  #acknowledgeAtOnce(): void {
    const fd = descriptorOf(this.#socket);
    if (fd !== undefined) native.setQuickAck(fd);
  }
}

/** Node keeps a socket's file descriptor in its handle, undocumented but unchanged since 0.x; none on Windows. */
function descriptorOf(socket: Socket): number | undefined {
  const fd = (socket as Socket & { _handle?: { fd?: number } | null })._handle?.fd;
  return fd !== undefined && fd >= 0 ? fd : undefined;
}
