/** The bridge: sessions and the card cache they share. */

import { type CacheLimits, type CacheStats, CardCache } from '../cache/card-cache.js';
import { ItemCache } from '../cache/item-cache.js';
import { Activity, type TransactionCounts, timesServiceLost } from '../diagnostics/activity.js';
import { closedError } from '../errors.js';
import { Peer } from '../identity/peer.js';
import {
  cardOwner,
  checkIdentity,
  identityKey,
  type SessionIdentity,
  systemIdentity,
} from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { checkNumber, checkOptions, describe } from '../support/validation.js';
import { SessionContext } from './session.js';

export interface BridgeOptions extends CacheLimits {
  /**
   * Whether the card cache evaluates only the asker's entries. 'on' unless given; 'system' takes the stored
   * setting: the registry value FilterCSPCardCacheByTSSessionConnectTime of KB949538 on Windows, the
   * environment variable of that name elsewhere, read once per process.
   */
  filter?: 'on' | 'off' | 'system' | undefined;
}

/** Whether a card that this process has not used yet may be in a state that another program left behind. */
export interface SessionTrust {
  /**
   * What to do with a card of which this process does not know who used it last: `'reset'` it before it is handed over, so
   * that no session signs with a PIN that an earlier program verified; or `'trust'` it as it is, so that a program that
   * starts logs no other program out.
   * @default 'reset' for a session that is opened by peer, pid or identity; 'trust' for the process's own
   */
  unknownLastUser?: 'reset' | 'trust' | undefined;
}

/** Whose session: that of a connection's peer, of a process, or one given by its identity. */
export type SessionQuery =
  | (SessionTrust &
      (
        | { peer: Peer }
        | { pid: number }
        | { id: number; connectTime: bigint; userId?: string | undefined; user?: string | undefined }
      ))
  | Required<SessionTrust>;

/** Which way to PC/SC this process uses. */
export interface Backend {
  /** `'daemon'`: pcscd over its socket; `'library'`: the PC/SC library. */
  name: 'daemon' | 'library';
  /** Why, as a sentence. */
  reason: string;
}

/** See `bridge.stats`. */
export interface BridgeStats {
  /** Open sessions. */
  sessions: number;
  transactions: TransactionCounts;
  cache: CacheStats;
  /** Of all bridges and workers of this process, if not said otherwise. */
  process: {
    /** PC/SC contexts in use, this process's watch and question among them; pcscd serves 200 per host. */
    contexts: number;
    /** Calls that were given up inside PC/SC, so far. */
    abandonedCalls: number;
    /** How often the PC/SC service was lost while a watch of this thread ran, so far. */
    timesServiceLost: number;
  };
}

/** What is stored about the filter, and whether this process works with it. */
export interface FilterSetting {
  /** What 'system' means in this process. */
  on: boolean;
  /** What is stored now; null when nothing is. */
  stored: boolean | null;
  /** The stored value has changed since this process read it. */
  restartPending: boolean;
  /** Where it is stored. */
  place: string;
}

/** PC/SC for several terminal sessions, none of which blocks another. */
export class CardBridge {
  readonly cache: CardCache;
  /** What was read from cards, for everybody in this process. */
  readonly items = new ItemCache();
  readonly #sessions = new Set<SessionContext>();
  readonly #activity = new Activity();
  #closed: Promise<void> | undefined;

  constructor(options: BridgeOptions = {}) {
    checkOptions(options);
    const { filter = 'on' } = options;
    if (!['on', 'off', 'system'].includes(filter)) {
      throw new TypeError(`filter must be one of 'on', 'off', 'system', not '${String(filter)}'`);
    }
    this.cache = new CardCache(filter === 'system' ? native.filterSetting().on : filter === 'on', options);
  }

  /** The stored setting of the filter. */
  get filterSetting(): FilterSetting {
    return native.filterSetting();
  }

  /** True where the stored setting has changed since this process read it. */
  get restartPending(): boolean {
    return native.filterSetting().restartPending;
  }

  /**
   * Opens a session: the caller's own terminal session, that of a connection's peer (from `pcsc-bridge/local`)
   * or of another process, or one given by id and connect time. Error BRIDGE_E_SESSION_UNKNOWN where a process's session cannot be learnt.
   */
  async openSession(query?: SessionQuery): Promise<SessionContext> {
    this.#checkOpen();
    const unknownLastUser = checkTrust(query);
    const identity = await findIdentity(query);
    this.#checkOpen();
    const owner = cardOwner(identity, this.cache.filter, unknownLastUser === 'trust');
    const session = new SessionContext(identity, owner, this.cache, this.#activity, (closed) =>
      this.#release(closed),
    );
    this.#sessions.add(session);
    return session;
  }

  /**
   * Which way to PC/SC this process uses, and why. Rejects with the error of the PC/SC library where there is none, or no
   * service to ask.
   */
  async backend(): Promise<Backend> {
    return (await native.backend()) as Backend;
  }

  /** What this bridge, and its process, do now and have done so far. Nothing is asked of the PC/SC service. */
  stats(): BridgeStats {
    return {
      sessions: this.#sessions.size,
      transactions: { ...this.#activity.counts },
      cache: this.cache.stats(),
      process: { ...native.usage(), timesServiceLost },
    };
  }

  /** Closes every session and lets all cached cards go. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#sessions].map((session) => session.close()));
    await this.cache.close();
  }

  async #release(session: SessionContext): Promise<void> {
    this.#sessions.delete(session);
    const key = identityKey(session.owner.identity);
    const others = [...this.#sessions].some(({ owner }) => identityKey(owner.identity) === key);
    if (!others) await this.cache.letGo(session.owner);
  }

  #checkOpen(): void {
    if (this.#closed) throw closedError('CardBridge');
  }
}

function checkTrust(query: SessionQuery | undefined): 'reset' | 'trust' {
  const isOther =
    typeof query === 'object' && query !== null && ('peer' in query || 'pid' in query || 'id' in query);
  const { unknownLastUser = isOther ? 'reset' : 'trust' } = query ?? {};
  if (unknownLastUser !== 'reset' && unknownLastUser !== 'trust') {
    throw new TypeError(`unknownLastUser must be 'reset' or 'trust', not ${describe(unknownLastUser)}`);
  }
  return unknownLastUser;
}

async function findIdentity(query: SessionQuery | undefined): Promise<SessionIdentity> {
  if (query !== undefined && (typeof query !== 'object' || query === null)) {
    throw new TypeError(
      `whose session? { peer }, { pid } or { id, connectTime }, or nothing for the caller's own; not ${describe(query)}`,
    );
  }
  if (query !== undefined && 'peer' in query) {
    if (Peer.isPeer(query.peer)) return query.peer.identity;
    throw new TypeError(
      `peer must be what a LocalServer gives with a connection, not ${describe(query.peer)}`,
    );
  }
  if (query !== undefined && 'id' in query) {
    const { id, connectTime, userId, user } = query;
    return checkIdentity({ id, connectTime, userId, user, source: 'given' });
  }
  const own = query === undefined || ('unknownLastUser' in query && !('pid' in query));
  if (own) return systemIdentity(await native.sessionOf(0));
  const { pid } = query as { pid: number };
  if (checkNumber(pid, 'pid') === 0)
    throw new RangeError('pid must be the number of a process, and 0 is none');
  return systemIdentity(await native.sessionOf(pid));
}
