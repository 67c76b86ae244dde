/** Listening on a Unix socket. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Arrival, Listener } from './arrival.js';
import { peerOf } from './peer-of.js';
import { SocketFile } from './socket-file.js';

export class SocketListener implements Listener {
  readonly #server: Server;
  readonly #file: SocketFile;

  private constructor(server: Server, file: SocketFile) {
    this.#server = server;
    this.#file = file;
  }

  static async listen(
    path: string,
    mode: number,
    onArrival: (arrival: Arrival) => void,
    onError: (error: Error) => void,
  ): Promise<SocketListener> {
    // Paused: nothing is read before it is known who writes.
    const server = createServer({ pauseOnConnect: true }, (socket) => onArrival(arrivalOf(socket)));
    const listen = async (at: string) => {
      server.listen({ path: at, exclusive: true });
      await once(server, 'listening');
    };
    try {
      const file = await SocketFile.make(path, mode, listen);
      server.on('error', onError);
      return new SocketListener(server, file);
    } catch (error) {
      server.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const closed = once(this.#server, 'close');
    this.#server.close();
    await this.#file.remove();
    await closed;
  }
}

function arrivalOf(socket: Socket): Arrival {
  return {
    ask: () => peerOf(socket),
    open() {
      if (socket.destroyed) return undefined;
      // As any accepted socket is, and not paused until somebody calls resume(): see "Three states" of node:stream.
      return Object.assign(socket, { readableFlowing: null });
    },
    refuse: () => void socket.destroy(),
  };
}
