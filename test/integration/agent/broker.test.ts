import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import type { Agent, AgentError, Message } from '../../support/agent.js';
import { pinStatus, selectPiv, verifyPin } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
const cards = [await insertPiv(rig, 0), await insertPiv(rig, 1)];
const readers = [readerAt(rig, 0).name, readerAt(rig, 1).name] as const;
const alice = { id: 2, connectTime: '133772904000000000' };
const bob = { id: 3, connectTime: '133772904000000000' };

async function startBroker(filter: string): Promise<Agent> {
  const agent = startAgent('broker');
  await agent.ask('cache', { filter });
  return agent;
}

async function acquire(agent: Agent, identity: object, reader: string): Promise<Message> {
  return agent.ask('acquire', { identity, reader, timeout: 10_000 });
}

/** Acquires a card, uses it, and ends the lease. */
async function logOn(agent: Agent, identity: object, reader: string): Promise<Message> {
  const found = await acquire(agent, identity, reader);
  const { lease } = found;
  for (const apdu of [selectPiv, verifyPin()]) await agent.ask('exchange', { lease, apdu: toHex(apdu) });
  const { response } = await agent.ask('exchange', { lease, apdu: toHex(pinStatus) });
  expect(response).toBe('9000');
  await agent.ask('end', { lease });
  return found;
}

describe('an agent in the broker role', () => {
  it('connects a card on the first lookup, and finds it in its cache on the second', async () => {
    const agent = startAgent('broker');
    expect(await agent.ask('cache', { filter: 'on' })).toEqual({ filter: 'on' });
    const first = await logOn(agent, alice, readers[0]);
    const atr = toHex(cards[0]?.atr ?? new Uint8Array()).toLowerCase();
    const entry = { entry: first['entry'].entry, identity: alice, reader: readers[0], atr, leased: true };
    expect(first).toEqual({ lease: 1, fresh: true, cardWasReset: false, entry, evaluated: [] });
    const second = await logOn(agent, alice, readers[0]);
    expect(second).toMatchObject({ lease: 2, fresh: false, entry });
    expect(second['evaluated']).toEqual([
      {
        entry: entry.entry,
        reader: readers[0],
        openedBy: alice,
        valid: true,
        waited: false,
        durationMs: expect.any(Number),
      },
    ]);
    expect(await agent.ask('entries')).toEqual({ entries: [{ ...entry, leased: false }] });
  });

  it('waits with the filter off behind the card that another process holds', async () => {
    const agent = await startBroker('off');
    await logOn(agent, alice, readers[0]);
    await logOn(agent, bob, readers[1]);
    const holder = await CardHold.start(readers[0]);
    const blocked = acquire(agent, bob, readers[1]);
    expect(await staysPending(blocked, 400)).toBe(true);
    expect(await codeOf(agent.ask('acquire', { identity: bob, reader: readers[1], timeout: 100 }))).toBe(
      'TIMEOUT',
    );
    await holder.release();
    const found = await blocked;
    expect(found['evaluated'].map(({ reader, waited }: Message) => [reader, waited])).toEqual([
      [readers[0], true],
      [readers[1], false],
    ]);
    await agent.ask('end', { lease: found['lease'] });
  });

  it('does not wait for it with the filter on', async () => {
    const agent = await startBroker('on');
    await logOn(agent, alice, readers[0]);
    await logOn(agent, bob, readers[1]);
    await using _holder = await CardHold.start(readers[0]);
    const found = await logOn(agent, bob, readers[1]);
    expect(found['evaluated'].map(({ reader, waited }: Message) => [reader, waited])).toEqual([
      [readers[1], false],
    ]);
  });

  it('treats a session that returns with a new connect time as another session', async () => {
    const agent = await startBroker('on');
    const before = await logOn(agent, alice, readers[0]);
    const back = { ...alice, connectTime: '133772904000000001' };
    const after = await logOn(agent, back, readers[0]);
    expect(after).toMatchObject({ fresh: true, evaluated: [] });
    const { entries } = await agent.ask('entries');
    expect(entries).toMatchObject([{ identity: back, entry: after['entry'].entry }]);
    expect(after['entry'].entry).not.toBe(before['entry'].entry);
  });

  it('evicts the entries of an identity', async () => {
    const agent = await startBroker('on');
    await logOn(agent, alice, readers[0]);
    await logOn(agent, bob, readers[1]);
    expect(await agent.ask('evict', { identity: alice })).toEqual({ evicted: 1 });
    expect(await agent.ask('evict', { identity: alice })).toEqual({ evicted: 0 });
    expect((await agent.ask('entries'))['entries']).toMatchObject([{ identity: bob }]);
    const { lease } = await acquire(agent, alice, readers[0]);
    const { response } = await agent.ask('exchange', { lease, apdu: toHex(selectPiv) });
    expect(response).toMatch(/9000$/);
    expect((await agent.ask('exchange', { lease, apdu: toHex(pinStatus) }))['response']).toMatch(/^63c/);
  });

  it('ends a lease whose command times out', async () => {
    const agent = await startBroker('on');
    const { lease } = await acquire(agent, alice, readers[0]);
    const card = cards[0];
    if (!card) throw new Error('no card');
    card.faults.responseDelay = 600;
    expect(await codeOf(agent.ask('exchange', { lease, apdu: toHex(pinStatus), timeout: 50 }))).toBe(
      'TIMEOUT',
    );
    card.faults.responseDelay = 0;
    expect(await codeOf(agent.ask('exchange', { lease, apdu: toHex(pinStatus) }))).toBe('AGENT_E_PARAMETER');
    expect(await codeOf(agent.ask('end', { lease }))).toBe('AGENT_E_PARAMETER');
    // The card is free for other programs again, and the entry is gone.
    await using holder = await CardHold.start(readers[0]);
    await holder.release();
    expect(await logOn(agent, alice, readers[0])).toMatchObject({ fresh: true, evaluated: [] });
  });

  it('ends the waits and leases of a cache that it replaces', async () => {
    const agent = await startBroker('on');
    const { lease } = await acquire(agent, alice, readers[0]);
    const waiting = acquire(agent, alice, readers[0]);
    expect(await staysPending(waiting)).toBe(true);
    expect(await agent.ask('cache', { filter: 'off' })).toEqual({ filter: 'off' });
    const error = await errorOf<AgentError>(waiting);
    expect(error.body).toMatchObject({ code: 'BRIDGE_E_CLOSED', reader: readers[0] });
    expect(await codeOf(agent.ask('exchange', { lease, apdu: '00a40400' }))).toBe('AGENT_E_PARAMETER');
    expect(await agent.ask('entries')).toEqual({ entries: [] });
    expect((await logOn(agent, bob, readers[0]))['lease']).toBeGreaterThan(lease);
  });

  it('resets the cards it holds when its input ends', async () => {
    const agent = await startBroker('on');
    const { lease } = await acquire(agent, alice, readers[0]);
    for (const apdu of [selectPiv, verifyPin()]) await agent.ask('exchange', { lease, apdu: toHex(apdu) });
    expect(await agent.end()).toEqual({ code: 0, signal: null, stderr: '' });
    const user = startAgent('user');
    const { card } = await user.ask('hold', { reader: readers[0], timeout: 5000 });
    await user.ask('exchange', { card, apdu: toHex(selectPiv) });
    expect((await user.ask('exchange', { card, apdu: toHex(pinStatus) }))['response']).toMatch(/^63c/);
  });

  it('requires a cache first', async () => {
    const agent = startAgent('broker');
    for (const ask of [
      agent.ask('entries'),
      agent.ask('evict', { identity: alice }),
      agent.ask('acquire', { identity: alice, reader: readers[0] }),
    ]) {
      expect(await codeOf(ask)).toBe('AGENT_E_NO_CACHE');
    }
  });

  it('reports the stored filter, and uses it', async () => {
    const agent = startAgent('broker');
    const name = 'FilterCSPCardCacheByTSSessionConnectTime';
    expect(await agent.ask('filter')).toEqual({
      on: false,
      stored: null,
      restartPending: false,
      place: `environment variable ${name}`,
    });
    expect(await agent.ask('cache', { filter: 'system' })).toEqual({ filter: 'off' });
  });

  it.each([
    [{ reader: 'x' }, 'identity'],
    [{ reader: 'x', identity: 2 }, 'identity'],
    [{ reader: 'x', identity: { id: 2 } }, 'identity.connectTime'],
    [{ reader: 'x', identity: { id: 2, connectTime: 5 } }, 'identity.connectTime'],
    [{ reader: 'x', identity: { id: 2, connectTime: '-5' } }, 'identity.connectTime'],
    [{ reader: 'x', identity: { id: 2, connectTime: '18446744073709551616' } }, 'identity.connectTime'],
    [{ reader: 'x', identity: { id: -2, connectTime: '5' } }, 'identity.id'],
    [{ reader: 'x', identity: { id: 4294967296, connectTime: '5' } }, 'identity.id'],
    [{ reader: 'x', identity: { ...alice, user: 'alice' } }, 'identity.user'],
    [{ identity: alice }, 'reader'],
  ])('refuses to acquire %j, and names the error', async (parameters, member) => {
    const agent = await startBroker('on');
    const error = await errorOf<AgentError>(agent.ask('acquire', parameters));
    expect(error.code).toBe('AGENT_E_PARAMETER');
    expect(error.message).toContain(member);
  });

  it('rejects a filter that does not exist', async () => {
    expect(await codeOf(startAgent('broker').ask('cache', { filter: 'maybe' }))).toBe('AGENT_E_PARAMETER');
    expect(await codeOf(startAgent('broker').ask('cache', { filter: true }))).toBe('AGENT_E_PARAMETER');
    expect(await codeOf(startAgent('broker').ask('hold', { reader: readers[0] }))).toBe(
      'AGENT_E_UNKNOWN_COMMAND',
    );
  });
});
