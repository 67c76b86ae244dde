/** Connections that have not sent a hello yet: limited in number and time. */
import type { Socket } from 'node:net';
import { addressOf } from './lines.js';

/** Milliseconds for TLS and a hello. */
const patience = 10_000;
/** All agents of a terminal server may connect from one address at the same time. */
const mostOfAnAddress = 32;
const most = 128;

interface PendingConnection {
  socket: Socket;
  address: string;
  timer: NodeJS.Timeout;
  /** Why the connection is closed. */
  reason?: string;
}

/** If there are too many, the oldest one is closed: idle connections cannot keep an agent out. */
export class PendingConnections {
  /** By address and port, the oldest first. */
  readonly #known = new Map<string, PendingConnection>();
  readonly #onGone: (reason: string, address: string) => void;

  /** @param onGone - Called with each connection that ended before its hello, and the reason. */
  constructor(onGone: (reason: string, address: string) => void) {
    this.#onGone = onGone;
  }

  enter(socket: Socket): void {
    const peer = peerOf(socket);
    const address = addressOf(socket);
    const timer = setTimeout(
      () => this.#sendAway(peer, `no hello came within ${patience / 1000} s`),
      patience,
    );
    this.#known.set(peer, { socket, address, timer });
    socket.once('close', () => {
      const pendingConnection = this.#take(peer);
      if (pendingConnection) this.#onGone(pendingConnection.reason ?? 'the connection was closed', address);
    });
    const neighbours = [...this.#known].filter(
      ([, pendingConnection]) => pendingConnection.address === address,
    );
    this.#limit(neighbours, mostOfAnAddress);
    this.#limit([...this.#known], most);
  }

  /** The connection is an agent now; false if it has been closed. */
  welcome(peer: string): boolean {
    return this.#take(peer) !== undefined;
  }

  /** Remembers why a connection will be closed. */
  explain(peer: string, reason: string): void {
    const pendingConnection = this.#known.get(peer);
    if (pendingConnection) pendingConnection.reason ??= reason;
  }

  closeAll(): void {
    for (const { socket } of this.#known.values()) socket.destroy();
  }

  #limit(pending: [string, PendingConnection][], limit: number): void {
    const [oldest] = pending;
    if (!oldest || pending.length <= limit) return;
    this.#sendAway(oldest[0], `${limit} younger connections have not said hello either`);
  }

  #sendAway(peer: string, reason: string): void {
    const pendingConnection = this.#known.get(peer);
    if (!pendingConnection) return;
    pendingConnection.reason ??= reason;
    pendingConnection.socket.destroy();
  }

  #take(peer: string): PendingConnection | undefined {
    const pendingConnection = this.#known.get(peer);
    clearTimeout(pendingConnection?.timer);
    this.#known.delete(peer);
    return pendingConnection;
  }
}

/** The key of a connection, and of TLS on it, while it is open. */
export const peerOf = ({ remoteAddress, remotePort }: Socket) => `[${remoteAddress}]:${remotePort}`;
