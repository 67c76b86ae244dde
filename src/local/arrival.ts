/** The interface between the server and the listeners of each platform. */
import type { Socket } from 'node:net';
import type { Peer } from '../identity/peer.js';

/** An accepted connection from which nothing has been read. */
export interface Arrival {
  /** The user id of the peer, synchronously. Throws if the system does not report it. */
  userId(): string;
  /** Asks the system for the peer. */
  ask(): Promise<Peer>;
  /** Makes it a socket that flows when it gets a listener; undefined if the connection has ended. Call it once. */
  open(): Socket | undefined;
  /** Closes the connection. */
  refuse(): void;
}

/** Who may connect: the user of this process, also the group of the socket's file, or every user. */
export type LocalAccess = 'owner' | 'group' | 'everyone';

/** Where a server listens: at a path, or on the socket that systemd passes to the service. */
export type ListeningPlace = { path: string; access: LocalAccess } | { activated: true };

export interface Listening {
  place: ListeningPlace;
  onArrival: (arrival: Arrival) => void;
  /** A connection could not be accepted. */
  onError: (error: Error) => void;
}

/** A source of connections. */
export interface Listener {
  close(): Promise<void>;
}
