/** A server for programs of this computer that knows who they are before it reads a byte of theirs. */
import type { Socket } from 'node:net';
import type { Peer } from '../identity/peer.js';
import { checkOptions, describe } from '../support/validation.js';
import type { Arrival, Listener, ListeningPlace, LocalAccess } from './arrival.js';
import { ConnectionCounter, type ConnectionLimits } from './limits.js';
import { listenOnPipe } from './pipe-listener.js';
import { listenOnSocket } from './socket-listener.js';

/** Where a LocalServer listens. */
export type LocalServerPlace =
  | {
      /**
       * The path of a Unix socket, in a directory where nobody but the owner may make files; on Windows
       * `\\.\pipe\NAME`, the name of a pipe.
       */
      path: string;
      /**
       * Who may connect, besides root or the administrators: the user that this process runs as ('owner'), also the
       * group of the socket's file (not on Windows), or everyone; on Windows every interactive user.
       * @default 'owner'
       */
      access?: LocalAccess | undefined;
      activated?: false | undefined;
    }
  | {
      /**
       * Takes the Unix socket that systemd listens on and passes to the service (socket activation). Who may connect is
       * decided by SocketMode=, SocketUser= and SocketGroup= of the socket unit.
       */
      activated: true;
      path?: undefined;
      access?: undefined;
    };

export type LocalServerOptions = ConnectionLimits &
  LocalServerPlace & {
    /**
     * Called with the reason if a connection was closed and not handed out: a ConnectionLimitError if the server or the
     * user has too many, a PcscError (BRIDGE_E_SESSION_UNKNOWN) if the system does not tell whose it is, any other Error
     * if the system is out of something. A flood of connections calls it for each.
     */
    onRefused?: ((reason: Error) => void) | undefined;
  };

/** A connection and who is at its other end. */
export interface LocalConnection {
  /** Nothing was read from it yet. An error of it is followed by 'close', and nobody has to listen for it. */
  socket: Socket;
  peer: Peer;
}

export class LocalServer {
  /** Undefined if systemd listens (`activated`). */
  readonly path: string | undefined;
  readonly #onConnection: (connection: LocalConnection) => void;
  readonly #onRefused: ((reason: Error) => void) | undefined;
  readonly #counter: ConnectionCounter;
  readonly #arrivals = new Set<Arrival>();
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;
  #closed: Promise<void> | undefined;

  private constructor(
    { path, onRefused, ...limits }: LocalServerOptions,
    onConnection: (connection: LocalConnection) => void,
  ) {
    this.path = path;
    this.#counter = new ConnectionCounter(limits);
    this.#onConnection = onConnection;
    this.#onRefused = onRefused;
  }

  /**
   * Listens. A socket's file that a server of the same user left when it died is replaced; anything else at that
   * path stays, and is an error: EADDRINUSE where somebody listens, EEXIST otherwise. On Windows a PcscError:
   * SCARD_E_SHARING_VIOLATION where somebody listens. With `activated` an Error that says why there is no such socket.
   */
  static async listen(
    options: LocalServerOptions,
    onConnection: (connection: LocalConnection) => void,
  ): Promise<LocalServer> {
    const place = checkPlace(options);
    if (typeof onConnection !== 'function') {
      throw new TypeError(`onConnection must be a function, not ${describe(onConnection)}`);
    }
    const server = new LocalServer(options, onConnection);
    const listen = process.platform === 'win32' ? listenOnPipe : listenOnSocket;
    server.#listener = await listen({
      place,
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

  #take(arrival: Arrival): void {
    try {
      // Before anything else is asked: a flood of one user's connections costs the others next to nothing.
      void this.#admit(arrival, this.#counter.enter(arrival.userId()));
    } catch (reason) {
      this.#refuse(arrival, reason);
    }
  }

  async #admit(arrival: Arrival, leave: () => void): Promise<void> {
    this.#arrivals.add(arrival);
    const peer = await arrival.ask().catch((reason: unknown) => this.#refuse(arrival, reason));
    this.#arrivals.delete(arrival);
    const socket = peer && !this.#closed ? arrival.open() : undefined;
    if (!peer || !socket) return leave();
    this.#sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => {
      this.#sockets.delete(socket);
      leave();
    });
    this.#onConnection({ socket, peer });
  }

  #refuse(arrival: Arrival, reason: unknown): undefined {
    arrival.refuse();
    this.#tell(reason as Error);
  }

  #tell(reason: Error): void {
    if (!this.#closed) this.#onRefused?.(reason);
  }
}

function checkPlace(options: LocalServerOptions): ListeningPlace {
  if (options === undefined) throw new TypeError('options must be an object with the path to listen at');
  checkOptions(options);
  const { path, access, activated = false } = options;
  if (typeof activated !== 'boolean') {
    throw new TypeError(`activated must be true or false, not ${describe(activated)}`);
  }
  if (activated) {
    if (path === undefined && access === undefined) return { activated };
    throw new TypeError('path and access are decided by the socket unit: leave them out with activated');
  }
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new TypeError(`path must be that of a Unix socket or a named pipe, not ${describe(path)}`);
  }
  if (!['owner', 'group', 'everyone', undefined].includes(access)) {
    throw new TypeError(`access must be one of 'owner', 'group', 'everyone', not '${String(access)}'`);
  }
  return { path, access: access ?? 'owner' };
}
