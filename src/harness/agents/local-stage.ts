/** A stage whose parts are agents on this machine. */

import { Ending } from '../ending.js';
import type { Stage } from '../stage.js';
import type { UserAgent } from './agent.js';
import type { Controller } from './controller.js';
import { LaunchedAgents } from './launch.js';
import { Roster } from './roster.js';
import { listen, stageWith } from './stage.js';
import { newToken } from './token.js';

/** Milliseconds agents on this machine may take to start and connect. */
const startTime = 15_000;

/** The same stage, played by a broker and a user agent per session that are started here, each a process. */
export async function withLocalAgents(stage: Stage, signal?: AbortSignal): Promise<Stage> {
  const token = newToken();
  const roster = new Roster(stage.players.length);
  const agents = new LaunchedAgents();
  let controller: Controller | undefined;
  const close = async () => {
    await controller?.close();
    await agents.stop();
    await stage[Symbol.asyncDispose]();
  };
  using starting = new Ending(signal);
  try {
    controller = await listen(roster, { host: '127.0.0.1', port: 0, token });
    agents.start('broker', 'broker', controller.port, token);
    for (const { identity } of stage.players) {
      agents.start('user', nameOf(identity.id), controller.port, token);
    }
    const complete = roster.complete(startTime, starting.signal);
    const { broker, users } = await Promise.race([complete, agents.failed]);
    const players = stage.players.map((player) => {
      const agent = users.find(({ hello }) => hello.name === nameOf(player.identity.id)) as UserAgent;
      return { ...player, agent };
    });
    return stageWith({ broker, players }, { agents: 'on this host', ...stage.environment }, close);
  } catch (error) {
    await close();
    throw error;
  }
}

const nameOf = (session: number) => `session-${session}`;
