/** A setup with agents that connect from this host and others. */
import type { ScenarioSession } from '../participants.js';
import { identityOf, type Setup } from '../setup.js';
import type { UserAgent } from './agent.js';
import { checkReaders, findCard } from './cards.js';
import type { Controller } from './controller.js';
import { ExpectedAgents } from './expected-agents.js';
import type { AgentSession } from './participants.js';
import { untilReconnected } from './reconnection.js';
import { listen, setupWith } from './setup.js';

export interface RemoteOptions {
  host: string;
  port: number;
  /** Keys by identity: the broker's, and one user's for each session. */
  keys: ReadonlyMap<string, Uint8Array>;
  sessions: number;
  /** Milliseconds to wait for the agents. */
  timeout: number;
  /** Readers by the names of user agents, if an agent sees several cards. */
  readers: ReadonlyMap<string, string>;
  /** Numbers the sessions from 1, with made-up connect times, instead of using those that the agents report. */
  madeUpSessions: boolean;
  /** Waits for the first session to reconnect in reality. */
  waitForReconnect: boolean;
  pinOf(agent: UserAgent): Promise<string>;
  /** Called with the address to which agents can connect. */
  onListening(controller: Controller): void;
  /** Called when an agent connects or leaves. */
  onAgents(change: string, missing: string | undefined): void;
  /** Called with an action that the user must take for the scenario to continue. */
  onAsked(what: string): void;
  signal?: AbortSignal | undefined;
}

export async function remoteSetup(options: RemoteOptions): Promise<Setup> {
  const { signal } = options;
  const expected: ExpectedAgents = new ExpectedAgents(options.sessions, (change) =>
    options.onAgents(change, expected.missing()),
  );
  const controller = await listen(expected, options);
  const close = () => {
    expected.dismiss();
    return controller.close();
  };
  try {
    options.onListening(controller);
    const { broker, users } = await expected.complete(options.timeout, signal);
    const sessions: AgentSession[] = [];
    for (const [identity, agent] of identitiesOf(users, options.madeUpSessions)) {
      const reader = await findCard(agent, options.readers.get(agent.hello.name), signal);
      sessions.push({ identity, reader, agent, pin: '' });
    }
    await checkReaders(broker, sessions, signal);
    for (const session of sessions) session.pin = await options.pinOf(session.agent);

    const reconnect = async (session: AgentSession, ending?: AbortSignal) => {
      const { identity, agent: before } = session;
      options.onAsked(`disconnect session ${identity.id} ("${before.hello.name}") and connect it again, now`);
      const { agent, connectTime } = await untilReconnected(expected, session, ending);
      const reader = await findCard(agent, options.readers.get(agent.hello.name), ending);
      await checkReaders(broker, [{ agent, reader }], ending);
      return { ...session, agent, reader, identity: { id: session.identity.id, connectTime } };
    };
    const parts = { broker, sessions, ...(options.waitForReconnect && { reconnect }) };
    const environment = { agents: `connected to ${controller.host}`, readers: 'as the agents see them' };
    return setupWith(parts, environment, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** The lowest session id comes first, and its card is held. */
function identitiesOf(
  users: readonly UserAgent[],
  madeUp: boolean,
): [ScenarioSession['identity'], UserAgent][] {
  const byName = users.toSorted((a, b) => a.hello.name.localeCompare(b.hello.name, 'en'));
  if (madeUp) return byName.map((agent, index) => [identityOf(index, users.length), agent]);
  const hint = '--made-up-sessions numbers the sessions instead';
  const known = byName.map((agent): [ScenarioSession['identity'], UserAgent] => {
    const { session } = agent.hello;
    if (!session) throw new Error(`${agent.who} could not learn its terminal session; ${hint}`);
    return [{ id: session.id, connectTime: session.connectTime }, agent];
  });
  known.sort(([a], [b]) => a.id - b.id);
  known.forEach(([{ id }, agent], index) => {
    const [before, other] = known[index - 1] ?? [];
    if (before?.id !== id) return;
    throw new Error(
      `${other?.who} and ${agent.who} are both in a terminal session ${id}: start each user's agent in a ` +
        `session of its own; ${hint}`,
    );
  });
  return known;
}
