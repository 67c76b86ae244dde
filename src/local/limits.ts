/** Limits the connections of a server: in total, and per user. */
import { describe } from '../support/validation.js';

/** Limits of a LocalServer. */
export interface ConnectionLimits {
  /**
   * Maximum number of connections at once, at least 1. Connections whose peer is not yet known count.
   * @default 1024
   */
  maxConnections?: number | undefined;
  /**
   * Maximum number of connections of one user at once, at least 1. Users are told apart by uid, on Windows by SID.
   * @default 64
   */
  maxConnectionsPerUser?: number | undefined;
}

/** A connection was refused because it exceeds a limit of the server. */
export class ConnectionLimitError extends Error {
  override readonly name = 'ConnectionLimitError';
  /** The limit that was reached. */
  readonly limit: keyof ConnectionLimits;
  /** The user of the connection: the uid in decimal, on Windows the SID. */
  readonly userId: string;

  /** @internal */
  constructor(limit: keyof ConnectionLimits, max: number, userId: string) {
    super(
      limit === 'maxConnections'
        ? `a connection of user ${userId} is refused: the server has ${max} connections, as many as maxConnections allows`
        : `a connection of user ${userId} is refused: this user has ${max} connections, as many as maxConnectionsPerUser allows`,
    );
    this.limit = limit;
    this.userId = userId;
  }
}

/** Counts connections and refuses those beyond the limits. */
export class ConnectionCounter {
  readonly #max: number;
  readonly #maxPerUser: number;
  readonly #ofUser = new Map<string, number>();
  #total = 0;

  constructor({ maxConnections = 1024, maxConnectionsPerUser = 64 }: ConnectionLimits) {
    this.#max = checkLimit('maxConnections', maxConnections);
    this.#maxPerUser = checkLimit('maxConnectionsPerUser', maxConnectionsPerUser);
  }

  /**
   * Counts a connection of this user. Call the returned function once, when the connection ends.
   * @throws {ConnectionLimitError} A limit is reached.
   */
  enter(userId: string): () => void {
    const count = this.#ofUser.get(userId) ?? 0;
    if (count >= this.#maxPerUser) {
      throw new ConnectionLimitError('maxConnectionsPerUser', this.#maxPerUser, userId);
    }
    if (this.#total >= this.#max) throw new ConnectionLimitError('maxConnections', this.#max, userId);
    this.#total += 1;
    this.#ofUser.set(userId, count + 1);
    return () => this.#leave(userId);
  }

  #leave(userId: string): void {
    const left = (this.#ofUser.get(userId) ?? 0) - 1;
    this.#total -= 1;
    if (left > 0) this.#ofUser.set(userId, left);
    else this.#ofUser.delete(userId);
  }
}

function checkLimit(name: keyof ConnectionLimits, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new RangeError(`${name} must be a whole number of at least 1, not ${describe(value)}`);
}
