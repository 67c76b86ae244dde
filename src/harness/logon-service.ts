/** The logon service: one process with one card cache, in the role of lsass. */
import { type CacheLookup, CardBridge, type SessionContext, type SessionIdentity } from '../index.js';
import { logon } from '../piv/index.js';
import type { ReproLogon } from './result.js';
import type { Player } from './stage.js';

export class LogonService {
  readonly bridge: CardBridge;
  readonly #sessions = new Map<number, SessionContext>();

  constructor(filter: 'off' | 'on') {
    this.bridge = new CardBridge({ filter });
  }

  /** A session begins, or comes back with a new connect time. */
  async open({ id, connectTime }: SessionIdentity): Promise<void> {
    // An earlier connection's context stays open: that its time is over the cache has to notice by itself.
    this.#sessions.set(id, await this.bridge.openSession({ id, connectTime }));
  }

  /**
   * A PIV logon: finds the card through the cache, begins a transaction, verifies the PIN, has the card sign a
   * fresh challenge, verifies that against the certificate. A failed one is told in its record.
   */
  async logon(player: Player, signal?: AbortSignal): Promise<{ record: ReproLogon; lookup?: CacheLookup }> {
    const session = this.#sessions.get(player.identity.id);
    if (!session) throw new Error(`session ${player.identity.id} is not open`);
    const start = performance.now();
    let lookup: CacheLookup | undefined;
    let error: string | undefined;
    try {
      await session.transaction(
        player.reader,
        async (card) => {
          lookup = card.lookup;
          await logon(card, player.pin);
        },
        { signal },
      );
    } catch (reason) {
      signal?.throwIfAborted();
      error = reason instanceof Error ? reason.message : String(reason);
    }
    const record = describe(player.identity.id, start, performance.now(), lookup);
    return {
      record: { ...record, ok: error === undefined, ...(error && { error }) },
      ...(lookup && { lookup }),
    };
  }

  async close(): Promise<void> {
    await this.bridge.close();
  }
}

function describe(session: number, start: number, end: number, lookup?: CacheLookup): Omit<ReproLogon, 'ok'> {
  const evaluated = lookup?.evaluated ?? [];
  const waits = evaluated.filter(({ waited }) => waited).sort((a, b) => b.durationMs - a.durationMs);
  return {
    session,
    startMs: start,
    endMs: end,
    durationMs: end - start,
    waitedMs: waits.reduce((sum, { durationMs }) => sum + durationMs, 0),
    evaluated: evaluated.map(({ reader }) => reader),
    blockedBy: waits[0]?.reader ?? null,
  };
}
