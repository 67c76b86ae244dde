/** A stage with agents that connect from this host and others. */
import type { Player } from '../cast.js';
import { identityOf, type Stage } from '../stage.js';
import type { UserAgent } from './agent.js';
import { checkReaders, findCard } from './cards.js';
import type { AgentPlayer } from './cast.js';
import { untilBack } from './come-back.js';
import type { Controller } from './controller.js';
import { Roster } from './roster.js';
import { listen, stageWith } from './stage.js';

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

export async function remoteStage(options: RemoteOptions): Promise<Stage> {
  const { signal } = options;
  const roster: Roster = new Roster(options.sessions, (change) => options.onAgents(change, roster.missing()));
  const controller = await listen(roster, options);
  const close = () => {
    roster.dismiss();
    return controller.close();
  };
  try {
    options.onListening(controller);
    const { broker, users } = await roster.complete(options.timeout, signal);
    const players: AgentPlayer[] = [];
    for (const [identity, agent] of identitiesOf(users, options.madeUpSessions)) {
      const reader = await findCard(agent, options.readers.get(agent.hello.name), signal);
      players.push({ identity, reader, agent, pin: '' });
    }
    await checkReaders(broker, players, signal);
    for (const player of players) player.pin = await options.pinOf(player.agent);

    const comeBack = async (player: AgentPlayer, ending?: AbortSignal) => {
      const { identity, agent: before } = player;
      options.onAsked(`disconnect session ${identity.id} ("${before.hello.name}") and connect it again, now`);
      const { agent, connectTime } = await untilBack(roster, player, ending);
      const reader = await findCard(agent, options.readers.get(agent.hello.name), ending);
      await checkReaders(broker, [{ agent, reader }], ending);
      return { ...player, agent, reader, identity: { id: player.identity.id, connectTime } };
    };
    const parts = { broker, players, ...(options.waitForReconnect && { comeBack }) };
    const environment = { agents: `connected to ${controller.host}`, readers: 'as the agents see them' };
    return stageWith(parts, environment, close);
  } catch (error) {
    await close();
    throw error;
  }
}

/** The lowest session id comes first, and its card is held. */
function identitiesOf(users: readonly UserAgent[], madeUp: boolean): [Player['identity'], UserAgent][] {
  const byName = users.toSorted((a, b) => a.hello.name.localeCompare(b.hello.name, 'en'));
  if (madeUp) return byName.map((agent, index) => [identityOf(index, users.length), agent]);
  const hint = '--made-up-sessions numbers the sessions instead';
  const known = byName.map((agent): [Player['identity'], UserAgent] => {
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
