/** A stage with agents on this machine. */

import { Ending } from '../ending.js';
import type { Stage } from '../stage.js';
import type { UserAgent } from './agent.js';
import type { Controller } from './controller.js';
import { KeyDirectory, type KeyOwner, theBroker } from './keys.js';
import { LaunchedAgents } from './launch.js';
import { Roster } from './roster.js';
import { listen, stageWith } from './stage.js';

/** Milliseconds within which local agents must start and connect. */
const startTime = 15_000;

/** The same stage with agents: starts a broker and a user agent per session, each a process. */
export async function withLocalAgents(stage: Stage, signal?: AbortSignal): Promise<Stage> {
  const names = stage.players.map(({ identity }) => nameOf(identity.id));
  const keys = await KeyDirectory.makeTemporary(names);
  const roster = new Roster(stage.players.length);
  const agents = new LaunchedAgents();
  let controller: Controller | undefined;
  const close = async () => {
    await controller?.close();
    await agents.stop();
    await keys.remove();
    await stage[Symbol.asyncDispose]();
  };
  using starting = new Ending(signal);
  try {
    controller = await listen(roster, { host: '127.0.0.1', port: 0, keys: keys.keys });
    const { port } = controller;
    const start = (owner: KeyOwner) => agents.start(owner, port, keys.fileOf(owner));
    start(theBroker);
    for (const name of names) start({ role: 'user', name });
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
