import { afterEach, describe, expect, it } from 'vitest';
import type { BrokerAgent, UserAgent } from '../../../../src/tools/repro/agents/agent.js';
import { checkReaders, findCard } from '../../../../src/tools/repro/agents/cards.js';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { agentAndPeer } from '../../../support/agent-peer.js';

const open: Controller[] = [];
afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

/** An agent that sees these readers; those whose names end with * have a card. */
async function seeing<A extends UserAgent | BrokerAgent = UserAgent>(role: string, ...names: string[]) {
  const { agent, peer, controller } = await agentAndPeer<A>({ role, name: `${role}-agent` });
  open.push(controller);
  const readers = names.map((name) => ({
    name: name.replace('*', ''),
    state: name.endsWith('*') ? ['present', 'in-use'] : ['empty'],
    atr: name.endsWith('*') ? '3b8001' : null,
  }));
  peer.answer({ readers: () => ({ readers }) });
  return agent;
}

describe("a user's card", () => {
  it('is the one that the user sees', async () => {
    expect(await findCard(await seeing('user', 'A', 'B*'), undefined)).toBe('B');
  });

  it('is the one that is named, if there are several', async () => {
    expect(await findCard(await seeing('user', 'A*', 'B*'), 'A')).toBe('A');
  });

  const problems: [string, string[], string | undefined, RegExp][] = [
    ['there is no reader', [], undefined, /sees no card: put .* \(it sees no reader at all\)$/],
    [
      'no reader has a card',
      ['A', 'B'],
      undefined,
      /sees no card: put .*\(it sees "A", empty; "B", empty\)$/,
    ],
    [
      'there are several',
      ['A*', 'B*'],
      undefined,
      /several cards \(it sees "A"; "B"\): .*--reader 'user-agent=READER'/,
    ],
    [
      'the named reader does not exist',
      ['A*'],
      'C',
      /does not see "C", which --reader names \(it sees "A"\)$/,
    ],
    ['the named reader is empty', ['A', 'B*'], 'A', /sees no card in "A", which --reader names/],
  ];
  it.each(problems)(
    'cannot be determined if %s, and the error says what to do',
    async (_what, names, named, message) => {
      const agent = await seeing('user', ...names);
      await expect(findCard(agent, named)).rejects.toThrow(message);
    },
  );
});

describe('the readers of an experiment', () => {
  it('are all seen by the broker, each of one user', async () => {
    const broker = await seeing<BrokerAgent>('broker', 'A*', 'B*');
    const agent = await seeing('user', 'A*', 'B*');
    await checkReaders(
      broker,
      ['A', 'B'].map((reader) => ({ agent, reader })),
    );
  });

  it('cannot belong to two users', async () => {
    const broker = await seeing<BrokerAgent>('broker', 'A*');
    const agent = await seeing('user', 'A*');
    const twice = ['A', 'A'].map((reader) => ({ agent, reader }));
    await expect(checkReaders(broker, twice)).rejects.toThrow(/have the same reader, "A"/);
  });

  it('must be visible to the broker', async () => {
    const broker = await seeing<BrokerAgent>('broker', 'B*');
    const agent = await seeing('user', 'A*');
    await expect(checkReaders(broker, [{ agent, reader: 'A' }])).rejects.toThrow(
      /^the broker agent .* does not see the reader of the user agent .*, "A" \(it sees "B"\): start the broker on the same host/,
    );
  });
});
