/** A terminal session that is disconnected and reconnected: it has a new connect time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ScopedAbort } from '../scoped-abort.js';
import type { UserAgent } from './agent.js';
import type { ExpectedAgents } from './expected-agents.js';
import type { Hello } from './hello.js';
import type { AgentSession } from './participants.js';

/** Interval in milliseconds at which a connected agent is asked for its session's connect time. */
const askEvery = 1000;

/** Waits until the session's session has a new connect time, reported by the connected agent or by another one. */
export async function untilReconnected(
  expected: ExpectedAgents,
  { agent, identity }: AgentSession,
  signal?: AbortSignal,
): Promise<{ agent: UserAgent; connectTime: bigint }> {
  using done = new ScopedAbort(signal);
  const isBack = ({ role, session }: Hello) =>
    role === 'user' && session?.id === identity.id && session.connectTime !== identity.connectTime;
  const another = expected.next(isBack, done.signal).then((next) => {
    agent.close();
    return { agent: next, connectTime: next.hello.session?.connectTime ?? 0n };
  });
  const theSame = (async () => {
    for (;;) {
      await sleep(askEvery, undefined, { signal: done.signal });
      // If this agent has ended, wait for the next one.
      const now = await agent.session().catch(() => undefined);
      if (!now) return another;
      if (now.id === identity.id && now.connectTime !== identity.connectTime) {
        return { agent, connectTime: now.connectTime };
      }
    }
  })();
  another.catch(() => {});
  theSame.catch(() => {}); // whichever ends last
  return await Promise.race([another, theSame]);
}
