import { Socket } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { BrokerAgent, UserAgent } from '../../../../src/tools/repro/agents/agent.js';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { agentAndPeer, type Message } from '../../../support/agent-peer.js';

const open: Controller[] = [];

async function start<A extends UserAgent | BrokerAgent = UserAgent>(changes?: Message) {
  const both = await agentAndPeer<A>(changes);
  open.push(both.controller);
  return both;
}

afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

const wait = { timeout: 5000 };

describe('a link', () => {
  it('resolves each request with the response with its id, in any order of arrival', async () => {
    const { agent, peer } = await start();
    const first = agent.link.request('one');
    const second = agent.link.request('two');
    const [one, two] = [await peer.message(1), await peer.message(2)];
    expect([one['command'], two['command']]).toEqual(['one', 'two']);
    peer.send({ id: two['id'], result: { of: 'two' } });
    peer.send({ id: one['id'], result: { of: 'one' } });
    expect(await Promise.all([first, second])).toEqual([{ of: 'one' }, { of: 'two' }]);
  });

  it("rejects with the error's code, value, function and reader", async () => {
    const { agent, peer } = await start();
    const held = agent.hold('No such reader', wait);
    const { id, reader, timeout } = await peer.message(1);
    expect({ reader, timeout }).toEqual({ reader: 'No such reader', timeout: 5000 });
    const error = {
      code: 'SCARD_E_UNKNOWN_READER',
      value: 2148532233,
      operation: 'SCardConnect',
      reader: 'No such reader',
      message:
        'SCardConnect on "No such reader": There is no such reader [SCARD_E_UNKNOWN_READER 0x80100009]',
    };
    peer.send({ id, error });
    const { message, ...codes } = error;
    await expect(held).rejects.toMatchObject({ name: 'AgentError', ...codes });
    await expect(held).rejects.toThrow(`the user agent "alice" (127.0.0.1, pid 4711): ${message}`);
  });

  it('cancels a request whose signal aborts, and rejects at once', async () => {
    const { agent, peer } = await start();
    const giveUp = new AbortController();
    const held = agent.hold('A', { ...wait, signal: giveUp.signal });
    const { id } = await peer.message(1);
    giveUp.abort();
    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
    expect(await peer.message(2)).toMatchObject({ command: 'cancel', request: id });
  });

  it('undoes the result of a request that was aborted before', async () => {
    const { agent, peer } = await start();
    const giveUp = new AbortController();
    const held = agent.hold('A', { ...wait, signal: giveUp.signal });
    const { id } = await peer.message(1);
    giveUp.abort();
    await expect(held).rejects.toMatchObject({ name: 'AbortError' });
    const cancel = await peer.message(2);
    peer.send({ id, result: { card: 3, waited: true } });
    peer.send({ id: cancel['id'], result: { cancelled: false } });
    expect(await peer.message(3)).toMatchObject({ command: 'release', card: 3 });
  });

  it('sends nothing if the signal has aborted already', async () => {
    const { agent, peer } = await start();
    await expect(agent.readers(AbortSignal.abort())).rejects.toMatchObject({ name: 'AbortError' });
    void agent.link.request('next').catch(() => {});
    expect(await peer.message(1)).toMatchObject({ command: 'next' });
  });

  it('rejects every request when the agent disconnects, and every later one', async () => {
    const { agent, peer } = await start();
    const requests = [agent.readers(), agent.link.request('one')];
    await peer.message(2);
    peer.socket.destroy();
    for (const request of requests) {
      await expect(request).rejects.toThrow('the user agent "alice" (127.0.0.1, pid 4711) went away: ');
    }
    await expect(agent.readers()).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
  });

  it.each([
    ['a line that is not JSON', 'garbage\n', /a line that is not JSON/],
    ['a response without a request', '{"id":99,"result":{}}\n', /nothing that was asked/],
    [
      'a complaint about a line',
      '{"id":null,"error":{"code":"AGENT_E_MALFORMED","message":"no"}}\n',
      /no \[AGENT_E_MALFORMED\]/,
    ],
    ['a line without end', 'x'.repeat(300_000), /a line of more than 262144 bytes/],
  ])('ends with %s', async (_what, line, why) => {
    const { agent, peer } = await start();
    const request = agent.readers();
    await peer.message(1);
    peer.socket.write(line);
    await expect(request).rejects.toThrow(why);
    await peer.closed;
  });

  it('accepts a line of 262,144 bytes, but not one of a megabyte', async () => {
    const { agent, peer } = await start();
    const request = agent.link.request('long');
    const { id } = await peer.message(1);
    const around = JSON.stringify({ id, result: { text: '' } }).length;
    const text = 'x'.repeat(262_144 - around);
    peer.send({ id, result: { text } });
    expect(await request).toEqual({ text });
  });

  it("ends when an agent does not respond for thirty seconds beyond the request's timeout", async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { agent, peer } = await start();
      const held = agent.hold('A', wait);
      const failed = expect(held).rejects.toThrow(/did not answer "hold" within 35 s/);
      await peer.message(1);
      vi.advanceTimersByTime(34_999);
      expect(peer.socket.destroyed).toBe(false);
      vi.advanceTimersByTime(1);
      await failed;
    } finally {
      vi.useRealTimers();
    }
  });

  it('passes on the events of a watch until it ends', async () => {
    const { agent, peer } = await start();
    const events: unknown[] = [];
    const watching = agent.link.watch((event) => events.push(event['event']));
    const { id } = await peer.message(1);
    peer.send({ id, result: { watching: true } });
    peer.send({ event: 'card-inserted', watch: id, reader: 'A', atr: '3b00' });
    const stop = await watching;
    await vi.waitFor(() => expect(events).toEqual(['card-inserted']));
    const stopped = stop();
    const cancel = await peer.message(2);
    expect(cancel).toMatchObject({ command: 'cancel', request: id });
    peer.send({ event: 'card-removed', watch: id, reader: 'A' });
    peer.send({ id: cancel['id'], result: { cancelled: true } });
    await stopped;
    expect(events).toEqual(['card-inserted']);
  });

  it('sends an APDU as hexadecimal', async () => {
    const { agent, peer } = await start();
    const response = agent.exchange(1, Uint8Array.from([0x00, 0x20, 0x00, 0x80, 0xff]), wait);
    const { id, ...request } = await peer.message(1);
    expect(request).toEqual({ command: 'exchange', card: 1, timeout: 5000, apdu: '00200080ff' });
    peer.send({ id, result: { response: '63c2' } });
    expect(await response).toEqual(Uint8Array.from([0x63, 0xc2]));
  });

  it('wipes the bytes of an APDU after they are sent', async () => {
    const { agent, peer } = await start();
    const write = vi.spyOn(Socket.prototype, 'write');
    try {
      const response = agent.exchange(1, Uint8Array.from([0x00, 0x20, 0x00, 0x80, 0x31, 0x32]), wait);
      const { id } = await peer.message(1);
      const line = write.mock.calls.map(([bytes]) => bytes as unknown).find(Buffer.isBuffer);
      await vi.waitFor(() => expect(line?.every((byte) => byte === 0)).toBe(true));
      peer.send({ id, result: { response: '9000' } });
      await response;
    } finally {
      write.mockRestore();
    }
  });

  it('keeps connect times exact, beyond the range of a JSON number', async () => {
    const { agent, peer } = await start<BrokerAgent>({ role: 'broker' });
    const identity = { id: 2, connectTime: 133_772_904_000_000_001n };
    const acquired = agent.acquire(identity, 'A', wait);
    const { id, ...request } = await peer.message(1);
    expect(request).toMatchObject({ identity: { id: 2, connectTime: '133772904000000001' }, reader: 'A' });
    const evaluated = [{ reader: 'B', waited: true, durationMs: 12.5, valid: true }];
    peer.send({ id, result: { lease: 5, fresh: true, entry: { entry: 9 }, evaluated } });
    expect(await acquired).toEqual({
      lease: 5,
      entry: { id: 9 },
      evaluated: [{ reader: 'B', waited: true, durationMs: 12.5 }],
    });
    const entries = agent.entries();
    const second = await peer.message(2);
    peer.send({
      id: second['id'],
      result: { entries: [{ entry: 9, identity: request['identity'], reader: 'A' }] },
    });
    expect(await entries).toEqual([{ id: 9, identity, reader: 'A' }]);
  });

  it.each([
    ['readers', (agent: BrokerAgent) => agent.readers()],
    ['entries', (agent: BrokerAgent) => agent.entries()],
    ['acquire', (agent: BrokerAgent) => agent.acquire({ id: 1, connectTime: 1n }, 'A', wait)],
    ['exchange', (agent: BrokerAgent) => agent.exchange(1, new Uint8Array(4), wait)],
    ['session', (agent: BrokerAgent) => agent.session()],
  ])('rejects an invalid response to "%s"', async (command, ask) => {
    const { agent, peer } = await start<BrokerAgent>({ role: 'broker' });
    const asked = ask(agent);
    const { id } = await peer.message(1);
    peer.send({ id, result: { [command]: 7, response: 'xyz', entry: {} } });
    await expect(asked).rejects.toMatchObject({ code: 'AGENT_E_ANSWER' });
  });
});
