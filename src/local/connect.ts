/** The client's side of a local connection. */
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { connect, Socket } from 'node:net';
import { native } from '../native.js';
import { Peer } from '../peer.js';
import type { LocalConnection } from './server.js';

/**
 * Connects to a LocalServer, or whoever listens at that path: `peer` is who does. Look at it before you send what is
 * not for everybody. On Windows this opens the pipe with the rights that every interactive user has, which
 * `net.connect` does not, and so that the server cannot act as this user.
 *
 * Errors: those of `net.connect`; on Windows SCARD_E_NO_SERVICE where nobody listens, SCARD_E_NO_ACCESS where this user
 * may not connect. BRIDGE_E_SESSION_UNKNOWN where the system does not tell who listens (another pid namespace).
 */
export async function connectLocally(path: string): Promise<LocalConnection> {
  if (process.platform === 'win32') return connectToPipe(path);
  const socket = connect(path);
  await once(socket, 'connect');
  try {
    return { socket, peer: await peerOf(socket) };
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function connectToPipe(path: string): Promise<LocalConnection> {
  const fd = await native.openPipe(path);
  try {
    const peer = new Peer(await native.peerOf(fd));
    return { socket: new Socket({ fd }), peer };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** Who is at the other end of a Unix socket: the process that connected, or that listens where this end connected. */
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
