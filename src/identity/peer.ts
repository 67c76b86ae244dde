/** The peer of a local connection, as the system reports it. */
import type { NativePeer } from '../native/types.js';
import { type SessionIdentity, systemIdentity } from './session-identity.js';

/**
 * The process at the other end of a local connection: the one that connected, or the one that listens. The system
 * reports it; the process cannot choose it. `LocalServer` and `connectLocally` of `pcsc-bridge/local` return it.
 */
export class Peer {
  /** The terminal session of the process. */
  readonly identity: Readonly<SessionIdentity>;
  /** The process id. The process may have ended since, and another one may have this id now. */
  readonly pid: number;
  /** The effective user id of the process when it connected; undefined on Windows. */
  readonly uid: number | undefined;
  readonly #told = true;

  /** @internal */
  constructor({ session, pid, uid }: NativePeer) {
    this.identity = Object.freeze(systemIdentity(session));
    this.pid = pid;
    this.uid = uid;
  }

  /** Returns true for a Peer that this library made, and false for an object of the same shape. */
  static isPeer(value: unknown): value is Peer {
    return typeof value === 'object' && value !== null && #told in value && value.#told;
  }
}
