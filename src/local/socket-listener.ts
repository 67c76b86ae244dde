/** Listening on a Unix socket. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import type { Arrival, Listener, Listening } from './arrival.js';
import { peerOf } from './connect.js';
import { SocketFile } from './socket-file.js';

const modes = { owner: 0o600, group: 0o660, everyone: 0o666 } as const;

export async function listenOnSocket({ path, access, onArrival, onError }: Listening): Promise<Listener> {
  // Paused: nothing is read before it is known who writes.
  const server = createServer({ pauseOnConnect: true }, (socket) => onArrival(arrivalOf(socket)));
  const listen = async (at: string) => {
    server.listen({ path: at, exclusive: true });
    await once(server, 'listening');
  };
  try {
    const file = await SocketFile.make(path, modes[access], listen);
    server.on('error', onError);
    return { close: () => close(server, file) };
  } catch (error) {
    server.close();
    throw error;
  }
}

async function close(server: Server, file: SocketFile): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await file.remove();
  await closed;
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
