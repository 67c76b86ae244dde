import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerAgent, UserAgent } from '../../../../src/tools/repro/agents/agent.js';
import { AgentCast } from '../../../../src/tools/repro/agents/cast.js';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { agentAndPeer } from '../../../support/agent-peer.js';
import { staysPending } from '../../../support/time.js';

const open: Controller[] = [];
afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

const player = { identity: { id: 2, connectTime: 5n }, reader: 'A', pin: '' };

/** A cast of one user, whose commands are recorded. */
async function castOfOne() {
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
  const cast = new AgentCast({ broker: broker.agent, players: [{ ...player, agent: user.agent }] });
  return { cast, asked, card, user, broker };
}

describe('a hold by a user agent', () => {
  it('ends by itself when its time is over', async () => {
    const { cast, asked } = await castOfOne();
    const hold = await cast.hold(player, 50);
    expect(asked).toEqual(['hold A']);
    expect((await hold.released) - hold.since).toBeGreaterThanOrEqual(49);
    expect(asked).toEqual(['hold A', 'release 1 leave']);
  });

  it('ends once if it is ended early', async () => {
    const { cast, asked } = await castOfOne();
    const hold = await cast.hold(player, 10_000);
    await hold.release();
    await hold.release();
    expect(asked).toEqual(['hold A', 'release 1 leave']);
  });

  it('fails when the agent disconnects', async () => {
    const { cast, user } = await castOfOne();
    const hold = await cast.hold(player, 10_000);
    user.peer.socket.destroy();
    await expect(hold.released).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
    await hold.release();
  });

  it('fails when the scenario is interrupted', async () => {
    const { cast } = await castOfOne();
    const interrupt = new AbortController();
    const hold = await cast.hold(player, 10_000, interrupt.signal);
    expect(await staysPending(hold.released)).toBe(true);
    interrupt.abort();
    await expect(hold.released).rejects.toMatchObject({ name: 'AbortError' });
    await hold.release();
  });
});

describe("the users' check of their cards", () => {
  it('succeeds if they are unchanged', async () => {
    const { cast } = await castOfOne();
    await cast.checkCards([player]);
    await cast.checkCards([player]);
  });

  it.each([
    ['gone', null, /sees no card in its reader "A": put its card in, and leave it there/],
    ['another', '3b02', /sees another card in "A" than before/],
  ])('reports a card that is %s', async (_what, atr, message) => {
    const { cast, card } = await castOfOne();
    await cast.checkCards([player]);
    card.atr = atr;
    await expect(cast.checkCards([player])).rejects.toThrow(message);
  });

  it('reports a reader that was removed', async () => {
    const { cast } = await castOfOne();
    await expect(cast.checkCards([{ ...player, reader: 'B' }])).rejects.toThrow(
      /does not see its reader "B"/,
    );
  });
});

describe('a logon service that is a broker agent', () => {
  it('has a new cache with the requested filter', async () => {
    const { cast, asked } = await castOfOne();
    await cast.startService('off');
    await cast.startService('on');
    expect(asked).toEqual(['cache off', 'cache on']);
  });

  it('records a logon that fails, but rejects when the broker has disconnected', async () => {
    const { cast, broker } = await castOfOne();
    const service = await cast.startService('on');
    const error = { code: 'SCARD_E_NO_SMARTCARD', message: 'no card' };
    broker.peer.answer({ acquire: () => ({ error }) });
    expect((await service.logon(player)).record).toMatchObject({ ok: false, session: 2 });
    broker.peer.answer({ acquire: () => void broker.peer.socket.destroy() });
    await expect(service.logon(player)).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
  });
});

it('makes up a new connect time for a session that returns', async () => {
  const { cast } = await castOfOne();
  const back = await cast.comeBack(player);
  expect(back).toMatchObject({ reader: 'A', identity: { id: 2 } });
  expect(back.identity.connectTime).toBeGreaterThan(5n);
});
