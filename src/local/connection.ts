/** A local connection, as both ends have it. */
import type { Socket } from 'node:net';
import type { Peer } from '../identity/peer.js';

/** A connection and its peer. */
export interface LocalConnection {
  /** The socket. Nothing has been read from it. An 'error' event needs no listener; 'close' follows it. */
  socket: Socket;
  /** The process at the other end, as the system reports it. */
  peer: Peer;
}
