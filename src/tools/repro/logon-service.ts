/** The logon service in this process: one card cache, in the role of lsass. */
import { CardBridge, type SessionContext, type SessionIdentity } from '../../index.js';
import { logon } from '../../piv/index.js';
import { recordLogon } from './logon-record.js';
import type { CachedCard, LogonOutcome, LogonService, ScenarioSession } from './participants.js';

export class LocalLogonService implements LogonService {
  readonly #bridge: CardBridge;
  readonly #sessions = new Map<string, Promise<SessionContext>>();

  constructor(filter: 'off' | 'on') {
    this.#bridge = new CardBridge({ filter });
  }

  async logon({ identity, reader, pin }: ScenarioSession, signal?: AbortSignal): Promise<LogonOutcome> {
    const session = await this.#sessionOf(identity);
    const outcome = await recordLogon(identity.id, async (found) => {
      await session.transaction(
        reader,
        async (card) => {
          if (card.lookup) found(card.lookup);
          await logon(card, pin);
        },
        { signal },
      );
    });
    signal?.throwIfAborted();
    return outcome;
  }

  async entries(): Promise<CachedCard[]> {
    return this.#bridge.cache.entries();
  }

  async close(): Promise<void> {
    await this.#bridge.close();
  }

  /** The context of an earlier connection stays open: the cache itself must notice that the session has a new one. */
  #sessionOf({ id, connectTime }: SessionIdentity): Promise<SessionContext> {
    const key = `${id}@${connectTime}`;
    const known = this.#sessions.get(key) ?? this.#bridge.openSession({ id, connectTime });
    this.#sessions.set(key, known);
    return known;
  }
}
