/** What the listeners of the platforms and the server have between them. */
import type { Socket } from 'node:net';
import type { Peer } from '../peer.js';

/** A connection that nobody has read from yet. */
export interface Arrival {
  /** Asks the system who it is. */
  ask(): Promise<Peer>;
  /** Makes it a socket that flows once somebody listens; undefined where it is gone. Once. */
  open(): Socket | undefined;
  /** Closes it instead. */
  refuse(): void;
}

/** Who may connect. */
export type LocalAccess = 'owner' | 'group' | 'everyone';

export interface Listening {
  path: string;
  access: LocalAccess;
  onArrival: (arrival: Arrival) => void;
  /** A connection could not be accepted. */
  onError: (error: Error) => void;
}

/** What takes connections in. */
export interface Listener {
  close(): Promise<void>;
}
