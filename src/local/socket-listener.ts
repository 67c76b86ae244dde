/** Listens on a Unix socket. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { takeActivatedSocket } from './activation.js';
import type { Arrival, Listener, Listening, LocalAccess } from './arrival.js';
import { SocketFile } from './socket-file.js';
import { peerOf, peerUser } from './socket-peer.js';

const modes = { owner: 0o600, group: 0o660, everyone: 0o666 } as const;

export async function listenOnSocket({ place, onArrival, onError }: Listening): Promise<Listener> {
  // Paused: nothing is read before the peer is known.
  const server = createServer({ pauseOnConnect: true }, (socket) => onArrival(arrivalOf(socket)));
  try {
    const file = await ('activated' in place ? adoptSocket(server) : makeSocket(server, place));
    server.on('error', onError);
    return { close: () => close(server, file) };
  } catch (error) {
    server.close();
    throw error;
  }
}

function makeSocket(server: Server, { path, access }: { path: string; access: LocalAccess }) {
  return SocketFile.make(path, modes[access], async (at) => {
    server.listen({ path: at, exclusive: true });
    await once(server, 'listening');
  });
}

/** Listens on the socket from systemd. Its file belongs to systemd and stays. */
async function adoptSocket(server: Server): Promise<undefined> {
  server.listen({ fd: takeActivatedSocket(), exclusive: true });
  await once(server, 'listening');
  if (typeof server.address() !== 'object' || server.address() === null) return;
  throw new Error(
    'LocalServer: the socket that was passed to this process is an internet socket, which does not identify its peers; ' +
      'give the socket unit a path in ListenStream=',
  );
}

async function close(server: Server, file: SocketFile | undefined): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  await file?.remove();
  await closed;
}

function arrivalOf(socket: Socket): Arrival {
  return {
    userId: () => peerUser(socket),
    ask: () => peerOf(socket),
    open() {
      if (socket.destroyed) return undefined;
      // Like any accepted socket, and not paused until a call of resume(): see "Three states" of
      // node:stream.
      return Object.assign(socket, { readableFlowing: null });
    },
    refuse: () => void socket.destroy(),
  };
}
