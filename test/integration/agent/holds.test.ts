import { describe, expect, it, onTestFinished } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { PIV_AID } from '../../../src/testing/virtual/index.js';
import { Agent, type AgentError } from '../../support/agent.js';
import { pinStatus, selectPiv, verifyPin } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const piv = await insertPiv(rig);
const { name: reader } = readerAt(rig);
const { name: empty } = readerAt(rig, 1);
const session = await openBridge().openSession();

function start(): Agent {
  const agent = new Agent('user');
  onTestFinished(() => agent.kill());
  return agent;
}

/** Another program's transaction on the card. */
const use = () =>
  session.connect(reader).then(async (card) => {
    await using it = card;
    return await it.transaction((tx) => tx.transmit(pinStatus));
  });

describe('an agent in the user role', () => {
  it('reports its identity', async () => {
    const agent = start();
    const hello = await agent.hello;
    expect(hello).toMatchObject({ protocol: 1, role: 'user', name: 'user', pid: agent.child.pid });
    expect(hello['platform']).toMatch(/^linux (x64|arm64|ia32|arm) \d/);
    expect(hello['session']['connectTime']).toMatch(/^\d+$/);
    expect(await agent.ask('session')).toEqual(hello['session']);
  });

  it('lists readers and their cards', async () => {
    const agent = start();
    const { readers } = await agent.ask('readers');
    expect(readers).toContainEqual({ name: empty, state: ['empty'], atr: null });
    const mine = readers.find(({ name }: { name: string }) => name === reader);
    expect(mine.state).toContain('present');
    expect(mine.atr).toBe(toHex(piv.atr).toLowerCase());
  });

  it('blocks other programs while it holds a card, and frees it', async () => {
    const agent = start();
    const held = await agent.ask('hold', { reader });
    expect(held).toEqual({ card: 1, waited: false, atr: toHex(piv.atr).toLowerCase() });
    const other = use();
    expect(await staysPending(other)).toBe(true);
    expect(await agent.ask('release', { card: 1 })).toEqual({});
    await other;
  });

  it('waits while another program holds the card, and reports the wait', async () => {
    const [first, second] = [start(), start()];
    const { card } = await first.ask('hold', { reader });
    const waiting = second.ask('hold', { reader });
    expect(await staysPending(waiting, 300)).toBe(true);
    await first.ask('release', { card });
    expect(await waiting).toMatchObject({ card: 1, waited: true });
  });

  it('sends APDUs and returns whole responses', async () => {
    const agent = start();
    const { card } = await agent.ask('hold', { reader });
    const select = await agent.ask('exchange', { card, apdu: toHex(selectPiv) });
    expect(select['response']).toMatch(/9000$/);
    const before = piv.apduCount;
    const certificate = await agent.ask('exchange', { card, apdu: '00CB3FFF055C035FC10500' });
    expect(certificate['response']).toMatch(/^53.*9000$/);
    expect(piv.apduCount - before).toBeGreaterThan(1);
    expect((await agent.ask('exchange', { card, apdu: '00ff0000' }))['response']).toBe('6d00');
  });

  it('executes requests for one card in order', async () => {
    const agent = start();
    const { card } = await agent.ask('hold', { reader });
    const order: string[] = [];
    const note = (what: string) => () => order.push(what);
    await Promise.all([
      agent.ask('exchange', { card, apdu: toHex(selectPiv) }).then(note('select')),
      agent.ask('exchange', { card, apdu: toHex(verifyPin()) }).then(note('verify')),
      agent.ask('exchange', { card, apdu: toHex(pinStatus) }).then(({ response }) => order.push(response)),
      agent.ask('release', { card, disposition: 'reset' }).then(note('release')),
    ]);
    expect(order).toEqual(['select', 'verify', '9000', 'release']);
  });

  it.each(['leave', 'reset', 'unpower'])('releases a card with the disposition %s', async (disposition) => {
    const agent = start();
    const first = await agent.ask('hold', { reader });
    for (const apdu of [selectPiv, verifyPin()])
      await agent.ask('exchange', { card: first['card'], apdu: toHex(apdu) });
    await agent.ask('release', { card: first['card'], disposition });
    const { card } = await agent.ask('hold', { reader });
    if (disposition !== 'leave') await agent.ask('exchange', { card, apdu: toHex(selectPiv) });
    const { response } = await agent.ask('exchange', { card, apdu: toHex(pinStatus) });
    expect(response).toMatch(disposition === 'leave' ? /^9000$/ : /^63c/);
    await agent.ask('release', { card, disposition: 'reset' });
  });

  it('forgets a card after its release', async () => {
    const agent = start();
    const { card } = await agent.ask('hold', { reader });
    const released = agent.ask('release', { card });
    const late = await errorOf<AgentError>(agent.ask('exchange', { card, apdu: '00a40400' }));
    expect(late.code).toBe('AGENT_E_PARAMETER');
    await released;
    expect((await agent.ask('hold', { reader }))['card']).toBe(2);
  });

  it('reports PC/SC errors about a reader', async () => {
    const agent = start();
    const none = await errorOf<AgentError>(agent.ask('hold', { reader: 'No such reader' }));
    expect(none.body).toMatchObject({
      code: 'SCARD_E_UNKNOWN_READER',
      value: 0x80100009,
      operation: 'SCardConnect',
      reader: 'No such reader',
    });
    expect((await errorOf<AgentError>(agent.ask('hold', { reader: empty }))).code).toBe(
      'SCARD_E_NO_SMARTCARD',
    );
  });

  it('accepts an APDU in upper-case hexadecimal', async () => {
    const agent = start();
    const { card } = await agent.ask('hold', { reader });
    const apdu = `00A40400${PIV_AID.length.toString(16).padStart(2, '0')}${toHex(PIV_AID)}00`;
    expect(apdu.toUpperCase()).not.toBe(apdu.toLowerCase());
    const [upper, lower] = [apdu.toUpperCase(), apdu.toLowerCase()].map((text) =>
      agent.ask('exchange', { card, apdu: text }),
    );
    const { response } = (await upper) ?? {};
    expect(response).toMatch(/^61.*9000$/); // the application's template: the card has understood the name
    expect(await lower).toEqual({ response });
  });
});
