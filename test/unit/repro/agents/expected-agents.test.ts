import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { ExpectedAgents } from '../../../../src/tools/repro/agents/expected-agents.js';
import { listen } from '../../../../src/tools/repro/agents/setup.js';
import { keys, Peer } from '../../../support/agent-peer.js';

const open: Controller[] = [];
afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

async function start(users: number) {
  const changes: string[] = [];
  const expected = new ExpectedAgents(users, (change) => changes.push(change));
  const controller = await listen(expected, { host: '127.0.0.1', port: 0, keys });
  open.push(controller);
  const come = async (role: string, name: string) => {
    const peer = await Peer.hello(controller.port, { role, name });
    return { peer, answer: await peer.message(0) };
  };
  return { expected, changes, come };
}

const welcome = { welcome: { protocol: 1 } };

describe('the list of expected agents', () => {
  it('is complete with a broker and the requested users', async () => {
    const { expected, changes, come } = await start(2);
    const complete = expected.complete(10_000);
    await come('user', 'alice');
    expect(expected.missing()).toBe('the broker agent and 1 of 2 user agents');
    await come('broker', 'broker');
    await come('user', 'bob');
    const { broker, users } = await complete;
    expect([broker, ...users].map(({ hello }) => hello.name)).toEqual(['broker', 'alice', 'bob']);
    expect(changes[0]).toBe(
      'the user agent "alice" (127.0.0.1, pid 4711) is here: linux x64 6.1, terminal session 2 of alice, agent 0.1.0',
    );
  });

  it.each([
    ['the broker', [['user', 'alice']], 'the broker agent did not connect within 0.2 s'],
    ['a user', [['broker', 'broker']], '1 of 1 user agents did not connect within 0.2 s'],
    ['everybody', [], 'the broker agent and 1 of 1 user agents did not connect within 0.2 s'],
  ])('says that %s is missing when the time is over', async (_who, there, sentence) => {
    const { expected, come } = await start(1);
    for (const [role, name] of there) await come(role as string, name as string);
    await expect(expected.complete(200)).rejects.toThrow(sentence);
  });

  it('lists the rejected agents if one is missing', async () => {
    const { expected, come } = await start(2);
    await come('broker', 'broker');
    await come('broker', 'broker');
    await come('broker', 'broker');
    await vi.waitFor(() =>
      expect(expected.complete(1)).rejects.toThrow(
        /^2 of 2 user agents did not connect within 0.001 s; refused meanwhile: 127.0.0.1: one broker is enough: .* \(2 times\)$/,
      ),
    );
  });

  it('rejects a second broker, naming the first', async () => {
    const { come } = await start(1);
    await come('broker', 'broker');
    const { answer } = await come('broker', 'broker');
    expect(answer['refused']).toBe(
      'one broker is enough: the broker agent "broker" (127.0.0.1, pid 4711) is here already',
    );
  });

  it('rejects a second user of the same name', async () => {
    const { come } = await start(2);
    await come('user', 'alice');
    const { answer } = await come('user', 'alice');
    expect(answer['refused']).toMatch(
      /^the user agent "alice" .* is here already: start one agent with each user's key$/,
    );
  });

  it('frees the place of an agent that has disconnected', async () => {
    const { expected, changes, come } = await start(1);
    const { peer } = await come('broker', 'broker');
    peer.socket.destroy();
    await vi.waitFor(() => expect(expected.missing()).toMatch(/^the broker/));
    expect(changes.at(-1)).toMatch(/^the broker agent "broker" .* went away: /);
    expect((await come('broker', 'broker')).answer).toEqual(welcome);
  });

  it('stops waiting when it is told to', async () => {
    const { expected } = await start(1);
    const giveUp = new AbortController();
    const complete = expected.complete(10_000, giveUp.signal);
    giveUp.abort();
    await expect(complete).rejects.toMatchObject({ name: 'AbortError' });
  });
});
