import { once } from 'node:events';
import { createServer } from 'node:net';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Controller } from '../../../../src/harness/agents/controller.js';
import { helloWith, type Message, Peer, startController, token } from '../../../support/agent-peer.js';

const open: Controller[] = [];

async function start(...options: Parameters<typeof startController>) {
  const started = await startController(...options);
  open.push(started.controller);
  return started;
}

afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

describe('a controller', () => {
  it('welcomes an agent with the right token, and knows what it said of itself', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
    expect(agents[0]?.hello).toMatchObject({
      name: 'alice',
      role: 'user',
      session: { id: 2, connectTime: 133772904000000000n, user: 'alice' },
    });
    expect(JSON.stringify(agents[0]?.hello, (_, value) => String(value))).not.toContain(token);
  });

  it('takes a session that could not be learnt', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.hello(controller.port, { session: null });
    await peer.message(0);
    expect(agents[0]?.hello.session).toBeUndefined();
  });

  const refusals: [string, Message, RegExp][] = [
    ['a wrong token', { token: 'another-token-of-them' }, /^wrong token$/],
    ['the beginning of the token', { token: token.slice(0, -1) }, /^wrong token$/],
    ['no token', { token: undefined }, /^token must be a text/],
    ['an older protocol', { protocol: 0 }, /speaks protocol 1, the agent 0/],
    ['no protocol', { protocol: undefined }, /speaks protocol 1/],
    ['a role that is none here', { role: 'doctor' }, /user or broker, not "doctor"/],
    ['no name', { name: '' }, /^name must be/],
    ['a pid that is none', { pid: -1 }, /^pid must be/],
    ['a session that is none', { session: { id: 1, connectTime: 12 } }, /connectTime is a decimal string/],
  ];
  it.each(refusals)('refuses %s, with the reason, and closes', async (_what, changes, reason) => {
    const { controller, agents, refused } = await start();
    const peer = await Peer.hello(controller.port, changes);
    const answer = await peer.message(0);
    expect(answer['refused']).toMatch(reason);
    await peer.closed;
    await vi.waitFor(() => expect(refused).toEqual([answer['refused']]));
    expect(agents).toEqual([]);
  });

  it('refuses whom it is told not to admit, after the token was right', async () => {
    const { controller } = await start({ admit: () => 'enough of you' });
    const stranger = await Peer.hello(controller.port, { token: 'another-token-of-them' });
    expect(await stranger.message(0)).toEqual({ refused: 'wrong token' });
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ refused: 'enough of you' });
  });

  it.each([
    ['that is not JSON', 'GET / HTTP/1.1\r\n\r\n'],
    ['that is no object', '7\n'],
    ['that is no hello', '{"id":1,"command":"readers"}\n'],
    ['of bytes that are no text', Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0a])],
  ])('refuses a first line %s', async (_what, line) => {
    const { controller } = await start();
    const peer = await Peer.connect(controller.port);
    peer.socket.write(line);
    expect((await peer.message(0))['refused']).toMatch(/first line must be/);
    await peer.closed;
  });

  it('closes on a first line without end, at 4096 bytes', async () => {
    const { controller, refused } = await start();
    const peer = await Peer.connect(controller.port);
    peer.socket.write('x'.repeat(5000));
    await peer.closed;
    await vi.waitFor(() => expect(refused).toEqual(['it sent a line of more than 4096 bytes']));
  });

  it('takes a hello in pieces, and two lines in one', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.connect(controller.port);
    const line = `${JSON.stringify({ hello: helloWith({ name: 'Zoë' }) })}\n`;
    for (const byte of Buffer.from(line)) peer.socket.write(Buffer.of(byte));
    await peer.message(0);
    expect(agents[0]?.hello.name).toBe('Zoë');
  });

  it('gives a hello ten seconds', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { controller } = await start();
      const peer = await Peer.connect(controller.port);
      const answered = peer.message(0);
      // The connection is known here before the controller may know of it.
      while (peer.received.length === 0) {
        vi.advanceTimersByTime(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect((await answered)['refused']).toMatch(/no hello came within 10 s/);
    } finally {
      vi.useRealTimers();
    }
  });

  it('lets 32 strangers wait and sends the next away, then serves an agent when they have gone', async () => {
    const { controller, refused } = await start();
    const strangers = await Promise.all(Array.from({ length: 32 }, () => Peer.connect(controller.port)));
    const next = await Peer.hello(controller.port);
    expect((await next.message(0))['refused']).toMatch(/32 connections have not said hello/);
    await next.closed;
    for (const { socket } of strangers) socket.destroy();
    await vi.waitFor(() => expect(refused).toHaveLength(33));
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
  });

  it('serves an agent while another connection floods it with garbage', async () => {
    const { controller } = await start();
    const flood = await Peer.connect(controller.port);
    const garbage = Buffer.alloc(65_536, 0xa5);
    const keepOn = () => {
      while (!flood.socket.destroyed && flood.socket.write(garbage));
    };
    flood.socket.on('drain', keepOn);
    keepOn();
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
    await flood.closed;
  });

  it('ends every link when it closes', async () => {
    const { controller, agents } = await start();
    const [peer, stranger] = [await Peer.hello(controller.port), await Peer.connect(controller.port)];
    await peer.message(0);
    const failed = expect(agents[0]?.readers()).rejects.toMatchObject({ code: 'AGENT_E_GONE' });
    await controller.close();
    await failed;
    await Promise.all([peer.closed, stranger.closed]);
  });

  it('says what to do where the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program uses this port; end it or take another port`,
    );
    other.close();
  });

  it("says so where the address is not this host's", async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow('this host does not have this address');
  });

  it.each([
    ['127.0.0.1', true],
    ['127.1.2.3', true],
    ['0.0.0.0', false],
  ])('knows whether %s can be reached from elsewhere', async (host, loopback) => {
    const { controller } = await start({ host });
    expect(controller.isLoopback).toBe(loopback);
  });
});
