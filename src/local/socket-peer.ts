/** The process at the other end of a connected Unix socket. */
import type { Socket } from 'node:net';
import { Peer } from '../identity/peer.js';
import { native } from '../native/addon.js';

/** Returns the peer of a Unix socket: the process that connected, or that listens. */
export async function peerOf(socket: Socket): Promise<Peer> {
  return new Peer(await native.peerOf(descriptorOf(socket)));
}

/** Returns the user id of the peer, synchronously. */
export function peerUser(socket: Socket): string {
  return native.peerUser(descriptorOf(socket));
}

// Undocumented, but available since the first versions of Node.js. There is no documented way.
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } | null };
  const fd = handle?.fd;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw new Error(
    socket.destroyed || !handle
      ? 'peerOf: the socket is not connected'
      : `peerOf: Node.js ${process.versions.node} does not report this socket's file descriptor on ${process.platform}`,
  );
}
