import { describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { type Agent, AgentProcess, Controller } from '../../support/agent.js';
import { occurrences } from '../../support/memory.js';
import { selectPiv, verifyPin } from '../../support/piv-host.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { staysPending } from '../../support/time.js';
import { codeOf, startAgent } from './helpers.js';

const pin = '739184';
const rig = await startRig({ slots: 2 });
const piv = await insertPiv(rig, 0, { pin });
const { name: reader } = readerAt(rig);
const verify = toHex(verifyPin(pin)).toLowerCase();

const inHex = Buffer.from(pin).toString('hex');

async function expectNowhere(agent: Agent): Promise<void> {
  // The answer may come before the thread that reads lines has wiped the line. It wipes it before it reads the next.
  await agent.ask('session');
  for (const text of [pin, inHex]) expect(await occurrences(agent.child.pid as number, text)).toBe(0);
}

describe('a PIN', () => {
  it('is in the memory of an agent while the card processes it, and not afterwards', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    await agent.ask('exchange', { card, apdu: toHex(selectPiv) });
    piv.faults.responseDelay = 300;
    const verified = agent.ask('exchange', { card, apdu: verify });
    expect(await staysPending(verified, 100)).toBe(true);
    expect(await occurrences(agent.child.pid as number, pin)).toBeGreaterThan(0);
    piv.faults.responseDelay = 0;
    expect(await verified).toEqual({ response: '9000' });
    await expectNowhere(agent);
  });

  it.each([
    ['6Cxx, and the command is not sent again', 0x6c08, 0],
    ['61xx', 0x6102, 1],
  ])('is not in its memory after the card responded %s', async (_how, status, more) => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    piv.faults.forceStatus(status, { ins: 0x20 });
    piv.faults.forceStatus(0x9000, { ins: 0xc0 });
    const before = piv.apduCount;
    await agent.ask('exchange', { card, apdu: verify });
    piv.faults.clear();
    expect(piv.apduCount).toBe(before + 1 + more);
    await expectNowhere(agent);
  });

  it('is not in its memory after the blocks of a chain', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    for (const cla of ['10', '00']) await agent.ask('exchange', { card, apdu: cla + verify.slice(2) });
    await expectNowhere(agent);
  });

  it('is not in its memory after a reset of the card', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    await agent.ask('exchange', { card, apdu: verify });
    await agent.ask('release', { card, disposition: 'reset' });
    await expectNowhere(agent);
  });

  it.each(['a timeout', 'cancel'])(
    'is not in its memory after a command that was ended by %s',
    async (how) => {
      const agent = startAgent('user');
      const { card } = await agent.ask('hold', { reader });
      piv.faults.responseDelay = 60_000;
      const before = piv.apduCount;
      const id = agent.asker.nextId();
      const timeout = how === 'cancel' ? {} : { timeout: 500 };
      const given = codeOf(agent.ask('exchange', { card, apdu: verify, ...timeout }, id));
      await vi.waitFor(() => expect(piv.apduCount).toBe(before + 1));
      if (how === 'cancel') await agent.ask('cancel', { request: id });
      expect(await given).toMatch(/TIMEOUT|CANCELLED/);
      piv.faults.clear();
      // Its copy is wiped when the card has responded.
      await vi.waitFor(() => expectNowhere(agent), { timeout: 20_000, interval: 100 });
    },
  );

  it('is not in the memory of an agent that received it by TLS, nor is the key', async () => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess(controller.invite('user'));
    const { asker } = await controller.accept();
    asker.write('{"welcome":{"protocol":1}}\n');
    const { card } = await asker.ask('hold', { reader });
    await asker.ask('exchange', { card, apdu: toHex(selectPiv) });
    expect(await asker.ask('exchange', { card, apdu: verify })).toEqual({ response: '9000' });
    await asker.ask('release', { card, disposition: 'reset' });
    const key = controller.keys.keys.get('user:alice') as Uint8Array;
    for (const secret of [pin, inHex, key, Buffer.from(key).toString('hex')]) {
      expect(await occurrences(agent.child.pid as number, secret)).toBe(0);
    }
  });

  it('is not in its memory after its first request, when the loader may still resolve functions', async () => {
    for (let start = 0; start < 10; start++) {
      const agent = startAgent('user');
      const exchanged = agent.ask('exchange', { card: 9, apdu: verify });
      expect(await codeOf(exchanged)).toBe('AGENT_E_PARAMETER');
      expect(await codeOf(agent.ask('release', { card: 9 }))).toBe('AGENT_E_PARAMETER');
      expect(await occurrences(agent.child.pid as number, inHex)).toBe(0);
      await agent.kill();
    }
  });

  it('is not in its memory after requests that were rejected', async () => {
    const agent = startAgent('user');
    for (const line of [
      `{"id":1,"command":"exchange","card":9,"apdu":"${verify}"}`,
      `{"id":1,"command":"exchange","card":9,"apdu":"${verify}zz"}`,
      `{"id":1,"command":"exchange","card":9,"apdo":"${verify}"}`,
      `{"id":1,"command":"exchange","apdu":"${verify}"`,
      `{"id":1,"command":"exchange","apdu":"${verify}","apdu":"${verify}"}`,
      `{"id":1,"command":"exchange","apdu":"${verify}${' '.repeat(300_000)}"}`,
      `{"id":1,"${verify}":1}`,
    ]) {
      agent.asker.write(`${line}\n`);
    }
    await agent.ask('session', {}, 2);
    expect(await codeOf(agent.ask('release', { card: 9 }))).toBe('AGENT_E_PARAMETER');
    expect(await occurrences(agent.child.pid as number, inHex)).toBe(0);
    expect(await occurrences(agent.child.pid as number, pin)).toBe(0);
  });
});
