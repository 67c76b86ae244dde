/** A setup with agents on this machine. */

import { ScopedAbort } from '../scoped-abort.js';
import type { Setup } from '../setup.js';
import type { UserAgent } from './agent.js';
import type { Controller } from './controller.js';
import { ExpectedAgents } from './expected-agents.js';
import { KeyDirectory, type KeyOwner, theBroker } from './keys.js';
import { LaunchedAgents } from './launch.js';
import { listen, setupWith } from './setup.js';

/** Milliseconds within which local agents must start and connect. */
const startTime = 15_000;

/** The same setup with agents: starts a broker and a user agent per session, each a process. */
export async function withLocalAgents(setup: Setup, signal?: AbortSignal): Promise<Setup> {
  const names = setup.sessions.map(({ identity }) => nameOf(identity.id));
  const keys = await KeyDirectory.makeTemporary(names);
  const expected = new ExpectedAgents(setup.sessions.length);
  const agents = new LaunchedAgents();
  let controller: Controller | undefined;
  const close = async () => {
    await controller?.close();
    await agents.stop();
    await keys.remove();
    await setup[Symbol.asyncDispose]();
  };
  using starting = new ScopedAbort(signal);
  try {
    controller = await listen(expected, { host: '127.0.0.1', port: 0, keys: keys.keys });
    const { port } = controller;
    const start = (owner: KeyOwner) => agents.start(owner, port, keys.fileOf(owner));
    start(theBroker);
    for (const name of names) start({ role: 'user', name });
    const complete = expected.complete(startTime, starting.signal);
    const { broker, users } = await Promise.race([complete, agents.failed]);
    const sessions = setup.sessions.map((session) => {
      const agent = users.find(({ hello }) => hello.name === nameOf(session.identity.id)) as UserAgent;
      return { ...session, agent };
    });
    return setupWith({ broker, sessions }, { agents: 'on this host', ...setup.environment }, close);
  } catch (error) {
    await close();
    throw error;
  }
}

const nameOf = (session: number) => `session-${session}`;
