import type { Socket } from 'node:net';
import { native } from '../native.js';
import { Peer } from '../peer.js';

/**
 * Who is at the other end of a Unix socket: of one that a server accepted, the process that connected; of one that
 * connected, the process that listens. Ask before anything is read or sent.
 *
 * @throws {PcscError} BRIDGE_E_SESSION_UNKNOWN where the peer has ended already, or is in another pid namespace;
 *   SCARD_E_INVALID_PARAMETER where this is no connected Unix socket.
 */
export async function peerOf(socket: Socket): Promise<Peer> {
  return new Peer(await native.peerOf(descriptorOf(socket)));
}

// Not documented, and there since Node's beginning; what else tells it?
function descriptorOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { _handle?: { fd?: unknown } | null };
  const fd = handle?.fd;
  if (typeof fd === 'number' && fd >= 0) return fd;
  throw new Error(
    socket.destroyed || !handle
      ? 'peerOf: the socket is not connected'
      : `peerOf: Node.js ${process.versions.node} does not tell this socket's file descriptor on ${process.platform}`,
  );
}
