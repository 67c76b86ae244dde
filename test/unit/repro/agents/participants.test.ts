import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerAgent, UserAgent } from '../../../../src/tools/repro/agents/agent.js';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { AgentParticipants } from '../../../../src/tools/repro/agents/participants.js';
import { agentAndPeer } from '../../../support/agent-peer.js';
import { staysPending } from '../../../support/time.js';

const open: Controller[] = [];
afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

const session = { identity: { id: 2, connectTime: 5n }, reader: 'A', pin: '' };

/** The participants of a scenario with one user, whose commands are recorded. */
async function participantsOfOne() {
  const user = await agentAndPeer<UserAgent>();
  const broker = await agentAndPeer<BrokerAgent>({ role: 'broker' });
  open.push(user.controller, broker.controller);
  const asked: string[] = [];
  const card = { atr: '3b01' as string | null };
  user.peer.answer({
    hold: ({ reader }) => {
      asked.push(`hold ${reader}`);
      return { card: 1, waited: false, atr: '3b01' };
    },
    release: ({ card: number, disposition }) => {
      asked.push(`release ${number} ${disposition}`);
      return {};
    },
    readers: () => ({ readers: [{ name: 'A', state: [], atr: card.atr }] }),
  });
  broker.peer.answer({
    cache: ({ filter }) => {
      asked.push(`cache ${filter}`);
      return { filter };
    },
  });
  const participants = new AgentParticipants({
    broker: broker.agent,
    sessions: [{ ...session, agent: user.agent }],
  });
  return { participants, asked, card, user, broker };
}

describe('a hold by a user agent', () => {
  it('ends by itself when its time is over', async () => {
    const { participants, asked } = await participantsOfOne();
    const hold = await participants.hold(session, 50);
    expect(asked).toEqual(['hold A']);
    expect((await hold.released) - hold.since).toBeGreaterThanOrEqual(49);
    expect(asked).toEqual(['hold A', 'release 1 leave']);
  });

  it('ends once if it is ended early', async () => {
    const { participants, asked } = await participantsOfOne();
    const hold = await participants.hold(session, 10_000);
    await hold.release();
    await hold.release();
    expect(asked).toEqual(['hold A', 'release 1 leave']);
  });

  it('fails when the agent disconnects', async () => {
    const { participants, user } = await participantsOfOne();
    const hold = await participants.hold(session, 10_000);
    user.peer.socket.destroy();
    await expect(hold.released).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
    await hold.release();
  });

  it('fails when the scenario is interrupted', async () => {
    const { participants } = await participantsOfOne();
    const interrupt = new AbortController();
    const hold = await participants.hold(session, 10_000, interrupt.signal);
    expect(await staysPending(hold.released)).toBe(true);
    interrupt.abort();
    await expect(hold.released).rejects.toMatchObject({ name: 'AbortError' });
    await hold.release();
  });
});

describe("the users' check of their cards", () => {
  it('succeeds if they are unchanged', async () => {
    const { participants } = await participantsOfOne();
    await participants.checkCards([session]);
    await participants.checkCards([session]);
  });

  it.each([
    ['gone', null, /sees no card in its reader "A": put its card in, and leave it there/],
    ['another', '3b02', /sees another card in "A" than before/],
  ])('reports a card that is %s', async (_what, atr, message) => {
    const { participants, card } = await participantsOfOne();
    await participants.checkCards([session]);
    card.atr = atr;
    await expect(participants.checkCards([session])).rejects.toThrow(message);
  });

  it('reports a reader that was removed', async () => {
    const { participants } = await participantsOfOne();
    await expect(participants.checkCards([{ ...session, reader: 'B' }])).rejects.toThrow(
      /does not see its reader "B"/,
    );
  });
});

describe('a logon service that is a broker agent', () => {
  it('has a new cache with the requested filter', async () => {
    const { participants, asked } = await participantsOfOne();
    await participants.startService('off');
    await participants.startService('on');
    expect(asked).toEqual(['cache off', 'cache on']);
  });

  it('records a logon that fails, but rejects when the broker has disconnected', async () => {
    const { participants, broker } = await participantsOfOne();
    const service = await participants.startService('on');
    const error = { code: 'SCARD_E_NO_SMARTCARD', message: 'no card' };
    broker.peer.answer({ acquire: () => ({ error }) });
    expect((await service.logon(session)).record).toMatchObject({ ok: false, session: 2 });
    broker.peer.answer({ acquire: () => void broker.peer.socket.destroy() });
    await expect(service.logon(session)).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
  });
});

it('makes up a new connect time for a session that returns', async () => {
  const { participants } = await participantsOfOne();
  const back = await participants.reconnect(session);
  expect(back).toMatchObject({ reader: 'A', identity: { id: 2 } });
  expect(back.identity.connectTime).toBeGreaterThan(5n);
});
