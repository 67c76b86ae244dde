/** The scenario with agents: a broker, and a user's program in each session. */
import { type SessionIdentity, toConnectTime } from '../../../index.js';
import { abortError } from '../../../support/cancellation.js';
import { recordLogon } from '../logon-record.js';
import type {
  CachedCard,
  Hold,
  LogonOutcome,
  LogonService,
  Participants,
  ScenarioSession,
} from '../participants.js';
import type { BrokerAgent, UserAgent } from './agent.js';
import type { AgentLink } from './agent-link.js';
import { remoteLogon } from './remote-logon.js';

/** A session, and the agent that runs in it. */
export interface AgentSession extends ScenarioSession {
  agent: UserAgent;
}

export interface AgentParticipantsOptions {
  broker: BrokerAgent;
  sessions: readonly AgentSession[];
  /** Waits for a session to reconnect in reality; without it, a made-up connect time is used. */
  reconnect?: ((session: AgentSession, signal?: AbortSignal) => Promise<AgentSession>) | undefined;
}

/** Milliseconds a user's program waits for a card that should be free. */
const holdTime = 30_000;

export class AgentParticipants implements Participants {
  readonly #broker: BrokerAgent;
  /** By session id, which does not change when a session reconnects. */
  readonly #sessions: Map<number, AgentSession>;
  readonly #reconnect: AgentParticipantsOptions['reconnect'];
  /** ATRs, by reader. */
  readonly #cards = new Map<string, string>();

  /** The ends of agents that may leave. */
  readonly #away = new WeakSet<AgentLink>();
  readonly #lost = new AbortController();

  constructor({ broker, sessions, reconnect }: AgentParticipantsOptions) {
    this.#broker = broker;
    this.#sessions = new Map(sessions.map((session) => [session.identity.id, session]));
    this.#reconnect = reconnect;
    for (const { link } of [broker, ...sessions.map(({ agent }) => agent)]) this.#mind(link);
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  async startService(filter: 'off' | 'on', signal?: AbortSignal): Promise<LogonService> {
    await this.#broker.cache(filter, signal);
    return new AgentLogonService(this.#broker);
  }

  async hold(session: ScenarioSession, holdMs: number, signal?: AbortSignal): Promise<Hold> {
    const { agent } = this.#sessionOf(session);
    const card = await agent.hold(session.reader, { timeout: holdTime, signal });
    return new AgentHold(agent, card, holdMs, signal);
  }

  async checkCards(sessions: readonly ScenarioSession[], signal?: AbortSignal): Promise<void> {
    await Promise.all(sessions.map((session) => this.#checkCard(session, signal)));
  }

  async reconnect(session: ScenarioSession, signal?: AbortSignal): Promise<ScenarioSession> {
    const { id } = session.identity;
    if (!this.#reconnect) return { ...session, identity: { id, connectTime: toConnectTime(Date.now()) } };
    const before = this.#sessionOf(session);
    // While the session is disconnected its agent may leave, and another one may replace it.
    this.#away.add(before.agent.link);
    const back = await this.#reconnect(before, signal);
    this.#sessions.set(id, back);
    if (back.agent === before.agent) this.#away.delete(before.agent.link);
    else this.#mind(back.agent.link);
    return back;
  }

  /** The scenario fails when an agent leaves. */
  #mind(link: AgentLink): void {
    void link.closed.then((gone) => {
      if (!this.#away.has(link)) this.#lost.abort(gone);
    });
  }

  async #checkCard(session: ScenarioSession, signal?: AbortSignal): Promise<void> {
    const { agent } = this.#sessionOf(session);
    const reader = (await agent.readers(signal)).find(({ name }) => name === session.reader);
    if (!reader?.atr) {
      const what = reader ? 'sees no card in' : 'does not see';
      throw new Error(
        `${agent.who} ${what} its reader "${session.reader}": put its card in, and leave it there`,
      );
    }
    const before = this.#cards.get(session.reader) ?? reader.atr;
    if (before !== reader.atr) {
      throw new Error(`${agent.who} sees another card in "${session.reader}" than before: start again`);
    }
    this.#cards.set(session.reader, before);
  }

  #sessionOf({ identity }: { identity: SessionIdentity }): AgentSession {
    const session = this.#sessions.get(identity.id);
    if (!session) throw new Error(`session ${identity.id} has no agent`);
    return session;
  }
}

/** The broker agent as logon service; its cache is new with each `startService`. */
class AgentLogonService implements LogonService {
  constructor(readonly broker: BrokerAgent) {}

  async logon(session: ScenarioSession, signal?: AbortSignal): Promise<LogonOutcome> {
    const outcome = await recordLogon(session.identity.id, (found) =>
      remoteLogon(this.broker, session, found, signal),
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
