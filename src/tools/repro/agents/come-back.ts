/** A terminal session that is disconnected and connected again: it has a new connect time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Ending } from '../ending.js';
import type { UserAgent } from './agent.js';
import type { AgentPlayer } from './cast.js';
import type { Hello } from './hello.js';
import type { Roster } from './roster.js';

/** How often an agent that is still there is asked for its session's connect time, in milliseconds. */
const askEvery = 1000;

/** Waits for the player's session to have a new connect time: of the agent that is there, or of another. */
export async function untilBack(
  roster: Roster,
  { agent, identity }: AgentPlayer,
  signal?: AbortSignal,
): Promise<{ agent: UserAgent; connectTime: bigint }> {
  using done = new Ending(signal);
  const isBack = ({ role, session }: Hello) =>
    role === 'user' && session?.id === identity.id && session.connectTime !== identity.connectTime;
  const another = roster.next(isBack, done.signal).then((next) => {
    agent.close();
    return { agent: next, connectTime: next.hello.session?.connectTime ?? 0n };
  });
  const theSame = (async () => {
    for (;;) {
      await sleep(askEvery, undefined, { signal: done.signal });
      // One that has gone leaves it to the next.
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
