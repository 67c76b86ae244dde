import { afterEach, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../../src/apdu/index.js';
import type { BrokerAgent } from '../../../../src/tools/repro/agents/agent.js';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { remoteLogon } from '../../../../src/tools/repro/agents/remote-logon.js';
import { agentAndPeer } from '../../../support/agent-peer.js';
import { DirectCard, PIN } from '../../piv/direct-card.js';

const open: Controller[] = [];
afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

/** A broker with one card in this process. */
async function brokerWith(card: DirectCard) {
  const { agent, peer, controller } = await agentAndPeer<BrokerAgent>({ role: 'broker' });
  open.push(controller);
  const ends: unknown[] = [];
  peer.answer({
    acquire: () => ({ lease: 4, fresh: true, entry: { entry: 11 }, evaluated: [] }),
    exchange: async ({ lease, apdu }) =>
      lease === 4 ? { response: toHex(await card.transmit(fromHex(String(apdu)))).toLowerCase() } : undefined,
    end: ({ lease, disposition }) => {
      ends.push([lease, disposition]);
      return {};
    },
  });
  return { broker: agent, peer, ends };
}

const who = { identity: { id: 2, connectTime: 5n }, reader: 'A', pin: PIN };

describe.each(['RSA2048', 'P256'] as const)('a logon through a broker, with a %s key', (algorithm) => {
  it('verifies a signature, and leaves the card to the cache', async () => {
    const { broker, ends } = await brokerWith(await DirectCard.with({ algorithm }));
    const found: number[] = [];
    await remoteLogon(broker, who, ({ entry }) => found.push(entry.id));
    expect(found).toEqual([11]);
    expect(ends).toEqual([[4, 'leave']]);
  });

  it('with a wrong PIN reports the tries left, and resets the card', async () => {
    const { broker, ends } = await brokerWith(await DirectCard.with({ algorithm }));
    const logon = remoteLogon(broker, { ...who, pin: '111111' }, () => {});
    await expect(logon).rejects.toMatchObject({ code: 'PIV_WRONG_PIN', retriesLeft: 2 });
    expect(ends).toEqual([[4, 'reset']]);
  });
});

it('a logon ends when the broker disconnects in the middle of it', async () => {
  const { broker, peer } = await brokerWith(await DirectCard.with());
  peer.answer({
    acquire: () => ({ lease: 4, fresh: true, entry: { entry: 11 }, evaluated: [] }),
    exchange: () => void peer.socket.destroy(),
  });
  await expect(remoteLogon(broker, who, () => {})).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
});
