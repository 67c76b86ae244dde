import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import type { AgentError } from '../../support/agent.js';
import { pinStatus, selectPiv, verifyPin } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { durationOf, errorOf, staysPending } from '../../support/time.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
const piv = await insertPiv(rig);
const { name: reader } = readerAt(rig);

describe('a wait of an agent', () => {
  it('for a card that another program holds ends with its timeout', async () => {
    const agent = startAgent('user');
    await using _holder = await CardHold.start(reader);
    const error = await errorOf<AgentError>(agent.ask('hold', { reader, timeout: 100 }));
    expect(error.code).toBe('TIMEOUT');
    expect(error.message).toContain('100 ms');
  });

  it('ends when it is cancelled, and is answered before the cancel is', async () => {
    const agent = startAgent('user');
    await using holder = await CardHold.start(reader);
    const waiting = agent.ask('hold', { reader }, 70);
    expect(await staysPending(waiting)).toBe(true);
    expect(await agent.ask('cancel', { request: 70 }, 71)).toEqual({ cancelled: true });
    expect(await codeOf(waiting)).toBe('CANCELLED');
    const ids = agent.asker.lines.slice(1).map((line) => JSON.parse(line).id);
    expect(ids).toEqual([70, 71]);
    await holder.release();
    // The cancelled wait does not hold the card.
    expect(await agent.ask('hold', { reader, timeout: 5000 })).toHaveProperty('card');
  });

  it('in the queue for a card of the same agent ends too, and the others stay queued', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    const first = agent.ask('hold', { reader }, 5);
    const second = agent.ask('hold', { reader }, 6);
    expect(await codeOf(agent.ask('hold', { reader, timeout: 50 }))).toBe('TIMEOUT');
    await agent.ask('cancel', { request: 5 });
    expect(await codeOf(first)).toBe('CANCELLED');
    await agent.ask('release', { card });
    expect(await second).toMatchObject({ waited: true });
  });

  it('that does not exist cannot be cancelled', async () => {
    const agent = startAgent('user');
    expect(await agent.ask('cancel', { request: 12345 })).toEqual({ cancelled: false });
    expect(await agent.ask('cancel', { request: 7 }, 7)).toEqual({ cancelled: false });
    const { card } = await agent.ask('hold', { reader }, 8);
    expect(await agent.ask('cancel', { request: 8 })).toEqual({ cancelled: false });
    expect(await agent.ask('release', { card })).toEqual({});
  });
});

describe('a command that is ended', () => {
  it.each(['timeout', 'cancel'])('by %s ends the transaction, and the card is reset', async (how) => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    for (const apdu of [selectPiv, verifyPin()]) await agent.ask('exchange', { card, apdu: toHex(apdu) });
    piv.faults.responseDelay = 700;
    const slow = agent.ask(
      'exchange',
      { card, apdu: toHex(pinStatus), ...(how === 'timeout' ? { timeout: 50 } : {}) },
      20,
    );
    const behind = agent.ask('exchange', { card, apdu: toHex(pinStatus) });
    if (how === 'cancel') {
      await agent.ask('cancel', { request: 20 });
      expect(await codeOf(slow)).toBe('CANCELLED');
    } else {
      expect(await codeOf(slow)).toBe('TIMEOUT');
    }
    expect(await codeOf(behind)).toMatch(/^BRIDGE_E_(CLOSED|ABANDONED)$/);
    piv.faults.responseDelay = 0;
    expect(await codeOf(agent.ask('release', { card }))).toBe('AGENT_E_PARAMETER');
    const again = await agent.ask('hold', { reader, timeout: 10_000 });
    await agent.ask('exchange', { card: again['card'], apdu: toHex(selectPiv) });
    const status = await agent.ask('exchange', { card: again['card'], apdu: toHex(pinStatus) });
    expect(status['response']).toMatch(/^63c/);
  });

  it('is answered at once, even if the card is slow', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    piv.faults.responseDelay = 1500;
    const given = agent.ask('exchange', { card, apdu: toHex(pinStatus), timeout: 20 });
    expect(await durationOf(given)).toBeLessThan(1000);
    piv.faults.responseDelay = 0;
  });
});

describe('many requests', () => {
  it('at once are all answered, those beyond 256 with AGENT_E_BUSY', async () => {
    const agent = startAgent('user');
    const asked = Array.from({ length: 300 }, () => agent.ask('watch'));
    const answers = await Promise.allSettled(asked);
    expect(answers.slice(0, 256).every(({ status }) => status === 'fulfilled')).toBe(true);
    expect(await Promise.all(asked.slice(256).map(codeOf))).toEqual(Array(44).fill('AGENT_E_BUSY'));
    expect(await codeOf(agent.ask('session'))).toBe('AGENT_E_BUSY');
    expect((await agent.end()).code).toBe(0);
  });

  it('for one card end independently, and leave the card to other programs', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    const asked = Array.from({ length: 300 }, () => agent.ask('hold', { reader, timeout: 1500 }));
    const codes = await Promise.all(asked.map(codeOf));
    // pcscd has 200 contexts per host; a client without one gets one of several error codes.
    expect(codes.every((code) => /^(TIMEOUT|AGENT_E_BUSY|SCARD_.*)$/.test(code))).toBe(true);
    expect(codes.filter((code) => code === 'TIMEOUT').length).toBeGreaterThan(50);
    await agent.ask('release', { card });
    expect(await agent.ask('hold', { reader, timeout: 5000 })).toHaveProperty('card');
  });

  it('with the id of a request in progress are rejected, and do not affect it', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader }, 1);
    const waiting = agent.ask('hold', { reader }, 2);
    const twin = await agent.asker.complaint(`{"id":2,"command":"hold","reader":"${reader}"}`, 2);
    expect(twin['code']).toBe('AGENT_E_BUSY');
    const answer = agent.asker.answer(2);
    await agent.ask('release', { card });
    expect(await answer).toHaveProperty('card');
    expect(await staysPending(waiting, 0)).toBe(true);
    expect(await agent.ask('session', {}, 2)).toHaveProperty('connectTime');
  });
});
