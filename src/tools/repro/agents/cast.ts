/** The scenario with agents: a broker, and a user's program in each session. */
import { type SessionIdentity, toConnectTime } from '../../../index.js';
import { abortError } from '../../../support/cancellation.js';
import type { CachedCard, Cast, Hold, LogonOutcome, LogonService, Player } from '../cast.js';
import { recordLogon } from '../logon-record.js';
import type { BrokerAgent, UserAgent } from './agent.js';
import type { Link } from './link.js';
import { remoteLogon } from './remote-logon.js';

/** A player and the player's program. */
export interface AgentPlayer extends Player {
  agent: UserAgent;
}

export interface AgentCastParts {
  broker: BrokerAgent;
  players: readonly AgentPlayer[];
  /** Waits for a session to reconnect in reality; without it, a made-up connect time is used. */
  comeBack?: ((player: AgentPlayer, signal?: AbortSignal) => Promise<AgentPlayer>) | undefined;
}

/** Milliseconds a user's program waits for a card that should be free. */
const holdTime = 30_000;

export class AgentCast implements Cast {
  readonly #broker: BrokerAgent;
  /** By session id, which does not change when a session reconnects. */
  readonly #players: Map<number, AgentPlayer>;
  readonly #comeBack: AgentCastParts['comeBack'];
  /** ATRs, by reader. */
  readonly #cards = new Map<string, string>();

  /** The ends of agents that may leave. */
  readonly #away = new WeakSet<Link>();
  readonly #lost = new AbortController();

  constructor({ broker, players, comeBack }: AgentCastParts) {
    this.#broker = broker;
    this.#players = new Map(players.map((player) => [player.identity.id, player]));
    this.#comeBack = comeBack;
    for (const { link } of [broker, ...players.map(({ agent }) => agent)]) this.#mind(link);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async startService(filter: 'off' | 'on', signal?: AbortSignal): Promise<LogonService> {
    await this.#broker.cache(filter, signal);
    return new AgentLogonService(this.#broker);
  }

  async hold(player: Player, holdMs: number, signal?: AbortSignal): Promise<Hold> {
    const { agent } = this.#playerOf(player);
    const card = await agent.hold(player.reader, { timeout: holdTime, signal });
    return new AgentHold(agent, card, holdMs, signal);
  }

  async checkCards(players: readonly Player[], signal?: AbortSignal): Promise<void> {
    await Promise.all(players.map((player) => this.#checkCard(player, signal)));
  }

  async comeBack(player: Player, signal?: AbortSignal): Promise<Player> {
    const { id } = player.identity;
    if (!this.#comeBack) return { ...player, identity: { id, connectTime: toConnectTime(Date.now()) } };
    const before = this.#playerOf(player);
    // While the session is disconnected its agent may leave, and another one may replace it.
    this.#away.add(before.agent.link);
    const back = await this.#comeBack(before, signal);
    this.#players.set(id, back);
    if (back.agent === before.agent) this.#away.delete(before.agent.link);
    else this.#mind(back.agent.link);
    return back;
  }

  /** The scenario fails when an agent leaves. */
  #mind(link: Link): void {
    void link.closed.then((gone) => {
      if (!this.#away.has(link)) this.#lost.abort(gone);
    });
  }

  async #checkCard(player: Player, signal?: AbortSignal): Promise<void> {
    const { agent } = this.#playerOf(player);
    const reader = (await agent.readers(signal)).find(({ name }) => name === player.reader);
    if (!reader?.atr) {
      const what = reader ? 'sees no card in' : 'does not see';
      throw new Error(
        `${agent.who} ${what} its reader "${player.reader}": put its card in, and leave it there`,
      );
    }
    const before = this.#cards.get(player.reader) ?? reader.atr;
    if (before !== reader.atr) {
      throw new Error(`${agent.who} sees another card in "${player.reader}" than before: start again`);
    }
    this.#cards.set(player.reader, before);
  }

  #playerOf({ identity }: { identity: SessionIdentity }): AgentPlayer {
    const player = this.#players.get(identity.id);
    if (!player) throw new Error(`session ${identity.id} has no agent`);
    return player;
  }
}

/** The broker agent as logon service; its cache is new with each `startService`. */
class AgentLogonService implements LogonService {
  constructor(readonly broker: BrokerAgent) {}

  async logon(player: Player, signal?: AbortSignal): Promise<LogonOutcome> {
    const outcome = await recordLogon(player.identity.id, (found) =>
      remoteLogon(this.broker, player, found, signal),
    );
    signal?.throwIfAborted();
    this.broker.link.throwIfGone();
    return outcome;
  }

  entries(): Promise<CachedCard[]> {
    return this.broker.entries();
  }

  /** The next cache, or the end of the link, replaces this one. */
  async close(): Promise<void> {}
}

/** A user agent's transaction. This program decides when it ends. */
class AgentHold implements Hold {
  readonly since = performance.now();
  readonly released: Promise<number>;
  readonly #agent: UserAgent;
  readonly #card: number;
  readonly #timer: NodeJS.Timeout;
  #releasing: Promise<number> | undefined;

  constructor(agent: UserAgent, card: number, holdMs: number, signal?: AbortSignal) {
    this.#agent = agent;
    this.#card = card;
    let resolve: (at: Promise<number>) => void = () => {};
    this.released = new Promise<number>((done, reject) => {
      resolve = done;
      void agent.link.closed.then(reject);
      signal?.addEventListener('abort', () => reject(abortError('hold', undefined, signal.reason)), {
        once: true,
      });
    });
    this.released.catch(() => {}); // its caller handles the rejection
    this.#timer = setTimeout(() => resolve(this.#release()), holdMs);
  }

  async release(): Promise<void> {
    clearTimeout(this.#timer);
    await this.#release().catch(() => {});
  }

  #release(): Promise<number> {
    this.#releasing ??= this.#agent.release(this.#card).then(() => performance.now());
    return this.#releasing;
  }
}
