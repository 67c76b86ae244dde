/** A server for programs on this computer that knows each peer before it reads from the connection. */

import type { Socket } from 'node:net';
import { Closable } from '../support/closable.js';
import { checkOptions, describe } from '../support/validation.js';
import type { Arrival, Listener, ListeningPlace, LocalAccess } from './arrival.js';
import type { LocalConnection } from './connection.js';
import { ConnectionCounter, type ConnectionLimits } from './limits.js';
import { listenOnPipe } from './pipe-listener.js';
import { listenOnSocket } from './socket-listener.js';

/** Where a LocalServer listens. */
export type LocalServerPlace =
  | {
      /**
       * The path of a Unix socket, in a directory in which only its owner can create files. On Windows `\\.\pipe\NAME`,
       * the name of a pipe.
       */
      path: string;
      /**
       * Who may connect, besides root or the administrators. 'owner': the user of this process. 'group': also the group
       * of the socket's file (not on Windows). 'everyone': every user, on Windows every interactive user.
       * @default 'owner'
       */
      access?: LocalAccess | undefined;
      activated?: false | undefined;
    }
  | {
      /**
       * Uses the Unix socket that systemd passes to the service (socket activation). SocketMode=, SocketUser= and
       * SocketGroup= of the socket unit decide who may connect.
       */
      activated: true;
      path?: undefined;
      access?: undefined;
    };

/** Options of `LocalServer.listen`. */
export type LocalServerOptions = ConnectionLimits &
  LocalServerPlace & {
    /**
     * Called with the reason when the server refuses or fails to accept a connection: a ConnectionLimitError beyond a
     * limit, a PcscError (BRIDGE_E_SESSION_UNKNOWN) if the system does not report the peer, any other Error if the
     * system is out of a resource. A flood of connections calls it for each one.
     */
    onRefused?: ((reason: Error) => void) | undefined;
  };

/** A server on a Unix socket, or on Windows a named pipe, that reports the peer of every connection. */
export class LocalServer extends Closable {
  /** The path of the socket or pipe; undefined with `activated`. */
  readonly path: string | undefined;
  readonly #onConnection: (connection: LocalConnection) => void;
  readonly #onRefused: ((reason: Error) => void) | undefined;
  readonly #counter: ConnectionCounter;
  readonly #arrivals = new Set<Arrival>();
  readonly #sockets = new Set<Socket>();
  #listener: Listener | undefined;

  private constructor(
    { path, onRefused, ...limits }: LocalServerOptions,
    onConnection: (connection: LocalConnection) => void,
  ) {
    super('LocalServer');
    this.path = path;
    this.#counter = new ConnectionCounter(limits);
    this.#onConnection = onConnection;
    this.#onRefused = onRefused;
  }

  /**
   * Starts a server. It replaces the socket file of a dead server of the same user, and leaves any other file at that
   * path unchanged.
   *
   * @param onConnection - Called with each connection and its peer.
   * @throws {Error} EADDRINUSE if another program listens at the path; EEXIST if another file is there; ENAMETOOLONG if
   *   the path is too long. With `activated`: why there is no such socket.
   * @throws {PcscError} On Windows SCARD_E_SHARING_VIOLATION if another program listens at the path.
   * @throws {TypeError | RangeError} An option is invalid.
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

  /** Stops listening, removes the socket's file, and closes every connection. */
  close(): Promise<void> {
    return this.closeOnce(() => this.#close());
  }

  async #close(): Promise<void> {
    for (const arrival of this.#arrivals) arrival.refuse();
    for (const socket of this.#sockets) socket.destroy();
    await this.#listener?.close();
  }

  #take(arrival: Arrival): void {
    try {
      // First the limits: a flood of one user's connections then costs the others next to nothing.
      void this.#admit(arrival, this.#counter.enter(arrival.userId()));
    } catch (reason) {
      this.#refuse(arrival, reason);
    }
  }

  async #admit(arrival: Arrival, leave: () => void): Promise<void> {
    this.#arrivals.add(arrival);
    const peer = await arrival.ask().catch((reason: unknown) => this.#refuse(arrival, reason));
    this.#arrivals.delete(arrival);
    const socket = peer && !this.isClosed ? arrival.open() : undefined;
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
    if (!this.isClosed) this.#onRefused?.(reason);
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
    throw new TypeError(
      `path must be the path of a Unix socket or the name of a pipe, not ${describe(path)}`,
    );
  }
  if (!['owner', 'group', 'everyone', undefined].includes(access)) {
    throw new TypeError(`access must be one of 'owner', 'group', 'everyone', not '${String(access)}'`);
  }
  return { path, access: access ?? 'owner' };
}
