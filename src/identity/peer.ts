/** Who is at the other end of a local connection, as the system tells it. */
import type { NativePeer } from '../native/addon.js';
import { type SessionIdentity, systemIdentity } from './session-identity.js';

/**
 * The process at the other end of a local connection: the one that connected, or that listens where this end
 * connected. What it says of itself plays no part. Got from `LocalServer` and
 * `connectLocally` of `pcsc-bridge/local`.
 */
export class Peer {
  /** The terminal session it was in. */
  readonly identity: Readonly<SessionIdentity>;
  /** Its process id; it may have ended since, and the number may be another's by now. */
  readonly pid: number;
  /** The user it ran as when it connected (the effective user id); undefined on Windows. */
  readonly uid: number | undefined;
  readonly #told = true;

  /** @internal */
  constructor({ session, pid, uid }: NativePeer) {
    this.identity = Object.freeze(systemIdentity(session));
    this.pid = pid;
    this.uid = uid;
  }

  /** Whether this is one, and not something of the same form, such as a client may send. */
  static isPeer(value: unknown): value is Peer {
    return typeof value === 'object' && value !== null && #told in value && value.#told;
  }
}
