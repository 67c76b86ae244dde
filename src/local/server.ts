/** A server for programs of this computer that knows who they are before it reads a byte of theirs. */
import type { Socket } from 'node:net';
import type { Peer } from '../peer.js';
import { checkOptions, describe } from '../values.js';
import type { Arrival, Listener, LocalAccess } from './arrival.js';
import { listenOnPipe } from './pipe-listener.js';
import { listenOnSocket } from './socket-listener.js';

export interface LocalServerOptions {
  /**
   * The path of a Unix socket, in a directory where nobody but the owner may make files; on Windows
   * `\\.\pipe\NAME`, the name of a pipe.
   */
  path: string;
  /**
   * Who may connect, besides root or the administrators: the user that this process runs as ('owner', unless
   * given), also the group of the socket's file (not on Windows), or everyone; on Windows every interactive user.
   */
  access?: LocalAccess | undefined;
  /** Hears why a connection was not accepted: nobody could tell whose it is, or the system is out of something. */
  onRefused?: ((reason: unknown) => void) | undefined;
}

/** A connection and who is at its other end. */
export interface LocalConnection {
  /** Nothing was read from it yet. An error of it is followed by 'close', and nobody has to listen for it. */
  socket: Socket;
  peer: Peer;
}

export class LocalServer {
  readonly path: string;
  readonly #onConnection: (connection: LocalConnection) => void;
  readonly #onRefused: ((reason: unknown) => void) | undefined;
  readonly #arrivals = new Set<Arrival>();
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    { path, onRefused }: LocalServerOptions,
    onConnection: (connection: LocalConnection) => void,
  ) {
    this.path = path;
    this.#onConnection = onConnection;
    this.#onRefused = onRefused;
  }

  /**
   * Listens. A socket's file that a server of the same user left when it died is replaced; anything else at that
   * path stays, and is an error: EADDRINUSE where somebody listens, EEXIST otherwise. On Windows a PcscError:
   * SCARD_E_SHARING_VIOLATION where somebody listens.
   */
  static async listen(
    options: LocalServerOptions,
    onConnection: (connection: LocalConnection) => void,
  ): Promise<LocalServer> {
    const { path, access } = checkServerOptions(options);
    if (typeof onConnection !== 'function') {
      throw new TypeError(`onConnection must be a function, not ${describe(onConnection)}`);
    }
    const server = new LocalServer(options, onConnection);
    const listen = process.platform === 'win32' ? listenOnPipe : listenOnSocket;
    server.#listener = await listen({
      path,
      access,
      onArrival: (arrival) => server.#take(arrival),
      onError: (error) => server.#tell(error),
    });
    return server;
  }

  /** Listens no more, removes the socket's file, and closes every connection. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    for (const arrival of this.#arrivals) arrival.refuse();
    for (const socket of this.#sockets) socket.destroy();
    await this.#listener?.close();
  }

  async #take(arrival: Arrival): Promise<void> {
    this.#arrivals.add(arrival);
    const peer = await arrival.ask().catch((reason: unknown) => this.#refuse(arrival, reason));
    this.#arrivals.delete(arrival);
    if (!peer || this.#closed) return;
    const socket = arrival.open();
    if (!socket) return;
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => this.#sockets.delete(socket));
    this.#onConnection({ socket, peer });
  }

  #refuse(arrival: Arrival, reason: unknown): undefined {
    arrival.refuse();
    this.#tell(reason);
  }

  #tell(reason: unknown): void {
    if (!this.#closed) this.#onRefused?.(reason);
  }
}

function checkServerOptions(options: LocalServerOptions): { path: string; access: LocalAccess } {
  if (options === undefined) throw new TypeError('options must be an object with the path to listen at');
  checkOptions(options);
  const { path, access = 'owner' } = options;
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`path must be that of a Unix socket or a named pipe, not ${describe(path)}`);
  }
  if (!['owner', 'group', 'everyone'].includes(access)) {
    throw new TypeError(`access must be one of 'owner', 'group', 'everyone', not '${String(access)}'`);
  }
  return { path, access };
}
