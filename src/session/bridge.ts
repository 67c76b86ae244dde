/** The bridge: sessions and the card cache they share. */

import { type CacheLimits, type CacheStats, CardCache } from '../cache/card-cache.js';
import { ItemCache } from '../cache/item-cache.js';
import { Activity, type TransactionCounts, timesServiceLost } from '../diagnostics/activity.js';
import { Peer } from '../identity/peer.js';
import {
  cardOwner,
  checkIdentity,
  identityKey,
  type SessionIdentity,
  systemIdentity,
} from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { Closable } from '../support/closable.js';
import { checkNumber, checkOptions, describe } from '../support/validation.js';
import { SessionContext } from './session.js';

/** Options of a CardBridge. */
export interface BridgeOptions extends CacheLimits {
  /**
   * Whether a card cache lookup evaluates only the entries of the session that asks (KB949538). 'system' reads the
   * stored setting: on Windows the registry value FilterCSPCardCacheByTSSessionConnectTime, elsewhere the environment
   * variable of that name. A process reads the setting once.
   * @default 'on'
   */
  filter?: 'on' | 'off' | 'system' | undefined;
}

/** What a session does with a card that another program may have left in an unknown state. */
export interface SessionTrust {
  /**
   * What happens to a card before its first use by this process, whose last user is unknown. `'reset'` resets it, so
   * that no session signs with a PIN that another program verified. `'trust'` uses it as it is, so that a program that
   * starts does not log out another one.
   * @default 'reset' for a session opened by peer, pid or identity; 'trust' for the process's own session
   */
  unknownLastUser?: 'reset' | 'trust' | undefined;
}

/**
 * Selects the session to open: that of a connection's peer, of a process by its pid, or one given by its identity.
 * Without any of these it is the session of this process.
 */
export type SessionQuery =
  | (SessionTrust &
      (
        | { peer: Peer }
        | { pid: number }
        | { id: number; connectTime: bigint; userId?: string | undefined; user?: string | undefined }
      ))
  | Required<SessionTrust>;

/** How this process reaches the PC/SC service. */
export interface Backend {
  /** `'daemon'`: the socket of pcscd. `'library'`: the PC/SC library. */
  name: 'daemon' | 'library';
  /** The reason for this choice, as a sentence. */
  reason: string;
}

/** What `bridge.stats()` returns. */
export interface BridgeStats {
  /** Open sessions. */
  sessions: number;
  /** Transactions of this bridge. */
  transactions: TransactionCounts;
  /** The card cache of this bridge. */
  cache: CacheStats;
  /** Totals of this process, over all bridges and worker threads. */
  process: {
    /**
     * PC/SC contexts in use, including those of the reader watch and of questions about readers. pcscd serves 200 per
     * host.
     */
    contexts: number;
    /** Calls abandoned inside PC/SC so far. */
    abandonedCalls: number;
    /** Times the PC/SC service was lost so far, counted while a watch ran, in this thread only. */
    timesServiceLost: number;
  };
}

/** The stored setting of the card cache filter, and whether this process uses it. */
export interface FilterSetting {
  /** The value of 'system' in this process. */
  on: boolean;
  /** The value stored now; null if none is stored. */
  stored: boolean | null;
  /** True if the stored value has changed since this process read it. */
  restartPending: boolean;
  /** Where the setting is stored: a registry value or an environment variable. */
  place: string;
}

/** The entry point: opens sessions and holds the card cache that they share. No session blocks another (KB949538). */
export class CardBridge extends Closable {
  /** The connected cards of all sessions of this bridge. */
  readonly cache: CardCache;
  /** Data read from cards, shared by the whole process (SCardReadCache, SCardWriteCache). */
  readonly items = new ItemCache();
  readonly #sessions = new Set<SessionContext>();
  readonly #activity = new Activity();

  /**
   * Creates a bridge. It contacts the PC/SC service only when a method needs it.
   *
   * @throws {TypeError | RangeError} An option is invalid.
   */
  constructor(options: BridgeOptions = {}) {
    super('CardBridge');
    checkOptions(options);
    const { filter = 'on' } = options;
    if (!['on', 'off', 'system'].includes(filter)) {
      throw new TypeError(`filter must be one of 'on', 'off', 'system', not '${String(filter)}'`);
    }
    this.cache = new CardCache(filter === 'system' ? native.filterSetting().on : filter === 'on', options);
  }

  /** The stored setting of the card cache filter, read anew at each access. */
  get filterSetting(): FilterSetting {
    return native.filterSetting();
  }

  /** True if the stored setting has changed since this process read it. */
  get restartPending(): boolean {
    return native.filterSetting().restartPending;
  }

  /**
   * Opens a session: that of this process by default, of a connection's peer (`pcsc-bridge/local`), of another process,
   * or one given by id and connect time.
   *
   * @throws {PcscError} BRIDGE_E_SESSION_UNKNOWN if the system does not report the session of the process;
   *   BRIDGE_E_CLOSED if the bridge is closed.
   * @throws {TypeError | RangeError} The query is invalid.
   */
  async openSession(query?: SessionQuery): Promise<SessionContext> {
    this.checkOpen();
    const unknownLastUser = checkTrust(query);
    const identity = await findIdentity(query);
    this.checkOpen();
    const owner = cardOwner(identity, this.cache.filter, unknownLastUser === 'trust');
    const session = new SessionContext(identity, owner, this.cache, this.#activity, (closed) =>
      this.#release(closed),
    );
    this.#sessions.add(session);
    return session;
  }

  /**
   * Returns how this process reaches the PC/SC service, and the reason.
   *
   * @throws {PcscError} BRIDGE_E_LIBRARY_MISSING if the PC/SC library cannot be loaded, or the code of the service that
   *   cannot be reached.
   */
  async backend(): Promise<Backend> {
    return (await native.backend()) as Backend;
  }

  /** Returns counters of this bridge and its process. It does not call the PC/SC service. */
  stats(): BridgeStats {
    return {
      sessions: this.#sessions.size,
      transactions: { ...this.#activity.counts },
      cache: this.cache.stats(),
      process: { ...native.usage(), timesServiceLost },
    };
  }

  /** Closes every session and releases all cached cards. */
  close(): Promise<void> {
    return this.closeOnce(() => this.#close());
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
      `openSession takes { peer }, { pid } or { id, connectTime }, or no argument for the own session; not ${describe(query)}`,
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
