/** What the listeners of the platforms and the server have between them. */
import type { Socket } from 'node:net';
import type { Peer } from '../identity/peer.js';

/** A connection that nobody has read from yet. */
export interface Arrival {
  /** Whose it is: `userId` of the peer's identity, at once. Throws if the system does not tell. */
  userId(): string;
  /** Asks the system who it is. */
  ask(): Promise<Peer>;
  /** Makes it a socket that flows once somebody listens; undefined where it is gone. Once. */
  open(): Socket | undefined;
  /** Closes it instead. */
  refuse(): void;
}

/** Who may connect. */
export type LocalAccess = 'owner' | 'group' | 'everyone';

/** Where a server listens: at a path, or on the socket that systemd listens on and passes to the service. */
export type ListeningPlace = { path: string; access: LocalAccess } | { activated: true };

export interface Listening {
  place: ListeningPlace;
  onArrival: (arrival: Arrival) => void;
  /** A connection could not be accepted. */
  onError: (error: Error) => void;
}

/** What takes connections in. */
export interface Listener {
  close(): Promise<void>;
}
