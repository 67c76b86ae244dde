import { on, once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { toHex } from '../../../src/apdu/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { AgentProcess, Controller } from '../../support/agent.js';
import { pinStatus, selectPiv, send, verifyPin } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { staysPending } from '../../support/time.js';
import { codeOf, startAgent } from './helpers.js';

const rig = await startRig({ slots: 2 });
const piv = await insertPiv(rig);
const { name: reader } = readerAt(rig);
const session = await openBridge().openSession();

/** Waits for the card as any program does, and returns the card's PIN status. */
async function pinAfterwards(timeout = 5000): Promise<number> {
  await using card = await session.connect(reader, { timeout });
  return await card.transaction(async (tx) => {
    await send(tx, selectPiv);
    return (await send(tx, pinStatus)).sw;
  });
}

/** Milliseconds from the end of its input, or of its link, to the end of the process. */
async function timeToEnd(agent: AgentProcess, end: () => void): Promise<number> {
  const start = performance.now();
  end();
  await agent.exited;
  return performance.now() - start;
}

async function logOn(ask: (command: string, parameters: object) => Promise<unknown>) {
  const { card } = (await ask('hold', { reader })) as { card: number };
  for (const apdu of [selectPiv, verifyPin()]) await ask('exchange', { card, apdu: toHex(apdu) });
  return card;
}

describe('the end of its input', () => {
  it('resets and frees the card that the agent holds', async () => {
    const agent = startAgent('user');
    await logOn((command, parameters) => agent.ask(command, parameters));
    const other = pinAfterwards();
    expect(await staysPending(other)).toBe(true);
    expect(await agent.end()).toEqual({ code: 0, signal: null, stderr: '' });
    expect((await other) & 0xfff0).toBe(0x63c0);
  });

  it('ends an agent that is stuck in a PC/SC call within a second, with each request answered', async () => {
    const agent = startAgent('user');
    await using _holder = await CardHold.start(reader);
    const waiting = [agent.ask('hold', { reader }), agent.ask('hold', { reader, timeout: 60_000 })];
    await agent.ask('watch');
    expect(await staysPending(Promise.race(waiting))).toBe(true);
    const time = await timeToEnd(agent, () => agent.asker.end());
    expect(time).toBeLessThan(1000);
    expect((await agent.exited).code).toBe(0);
    expect(await Promise.all(waiting.map(codeOf))).toEqual(['CANCELLED', 'CANCELLED']);
  });

  it('ends an agent in the middle of a slow command', async () => {
    const agent = startAgent('user');
    const card = await logOn((command, parameters) => agent.ask(command, parameters));
    piv.faults.responseDelay = 2000;
    const slow = agent.ask('exchange', { card, apdu: toHex(pinStatus) });
    expect(await staysPending(slow)).toBe(true);
    expect(await timeToEnd(agent, () => agent.asker.end())).toBeLessThan(1000);
    expect(await codeOf(slow)).toBe('CANCELLED');
    piv.faults.responseDelay = 0;
    expect((await pinAfterwards()) & 0xfff0).toBe(0x63c0);
  });

  it('discards an incomplete line', async () => {
    const agent = startAgent('user');
    await agent.hello;
    agent.asker.write('{"id":1,"command":"session"}');
    expect((await agent.end()).code).toBe(0);
    expect(agent.asker.strays.map(({ error }) => error.code)).toEqual(['AGENT_E_MALFORMED']);
    expect(agent.asker.lines.length).toBe(2);
  });
});

describe('the end of an agent', () => {
  it('follows quit, with the remaining requests answered as cancelled', async () => {
    const agent = startAgent('user');
    const { card } = await agent.ask('hold', { reader });
    expect(card).toBe(1);
    const waiting = agent.ask('hold', { reader });
    expect(await agent.ask('quit')).toEqual({});
    expect((await agent.exited).code).toBe(0);
    expect(await codeOf(waiting)).toBe('CANCELLED');
    await pinAfterwards();
  });

  it('by SIGKILL while it holds a card frees the card', async () => {
    const agent = startAgent('user');
    await logOn((command, parameters) => agent.ask(command, parameters));
    const other = pinAfterwards();
    expect(await staysPending(other)).toBe(true);
    await agent.kill();
    expect((await other) & 0xfff0).toBe(0x63c0);
  });

  it('follows when the other side closes its output', async () => {
    const agent = startAgent('user');
    await agent.hello;
    agent.child.stdout.destroy();
    agent.asker.write('{"id":1,"command":"session"}\n');
    const { code, stderr } = await agent.exited;
    expect(code).toBe(1);
    expect(stderr).toMatch(/standard output/);
  });

  it('follows when its output is no longer read, and its card is free', { timeout: 90_000 }, async () => {
    await using agent = new AgentProcess(['user']);
    const { stdin, stdout } = agent.child;
    const ended = once(agent.child, 'exit');
    stdin.write(`${JSON.stringify({ id: 1, command: 'hold', reader })}\n`);
    let text = '';
    for await (const data of on(stdout, 'data')) {
      text += data;
      if (text.includes('"card":1')) break;
    }
    stdout.pause();
    const other = pinAfterwards(60_000);
    // More than the pipe and the agent's buffer hold.
    const flood = '{"id":2}\n'.repeat(1000);
    const feeding = setInterval(() => stdin.writableLength < 1e6 && stdin.write(flood), 5);
    expect(await staysPending(other, 1000)).toBe(true);
    expect((await ended)[0]).toBe(1);
    clearInterval(feeding);
    await other;
    stdout.resume();
    expect((await agent.exited).stderr).toMatch(/the other side does not read the answers/);
  });

  const ends: [string, number, RegExp, (link: Awaited<ReturnType<Controller['accept']>>) => void][] = [
    ['closes the link', 0, /^$/, ({ socket }) => socket.end()],
    ['cuts the link', 1, /the connection broke: it ended before/, ({ raw }) => raw.destroy()],
    ['resets the link', 1, /the connection broke: Connection reset/, ({ raw }) => raw.resetAndDestroy()],
  ];
  it.each(ends)('follows when its controller %s', async (_how, status, words, end) => {
    await using controller = await Controller.listen();
    await using agent = new AgentProcess(controller.invite('user'));
    const link = await controller.accept();
    link.asker.write('{"welcome":{"protocol":1}}\n');
    await logOn((command, parameters) => link.asker.ask(command, parameters));
    const other = pinAfterwards();
    expect(await staysPending(other)).toBe(true);
    expect(await timeToEnd(agent, () => end(link))).toBeLessThan(1000);
    const { code, stderr } = await agent.exited;
    expect(code).toBe(status);
    expect(stderr).toMatch(words);
    expect((await other) & 0xfff0).toBe(0x63c0);
  });
});
