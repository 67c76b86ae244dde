import { once } from 'node:events';
import { createServer } from 'node:net';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { helloWith, keyOf, type Message, Peer, startController } from '../../../support/agent-peer.js';

const speaksNoTls = 'it does not speak TLS 1.2 with a shared key';
const open: Controller[] = [];

async function start(...options: Parameters<typeof startController>) {
  const started = await startController(...options);
  open.push(started.controller);
  return started;
}

afterEach(() => Promise.all(open.splice(0).map((controller) => controller.close())));

describe('a controller', () => {
  it('admits an agent with the right key, and records what it reported', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
    expect(agents[0]?.hello).toMatchObject({
      name: 'alice',
      role: 'user',
      session: { id: 2, connectTime: 133772904000000000n, user: 'alice' },
    });
  });

  it('accepts a session that could not be determined', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.hello(controller.port, { session: null });
    await peer.message(0);
    expect(agents[0]?.hello.session).toBeUndefined();
  });

  const refusals: [string, Message, RegExp, string?][] = [
    [
      "another user's name",
      { name: 'bob' },
      /^this key is for "user:alice", not for "user:bob"$/,
      'user:alice',
    ],
    [
      "the broker's role with a user's key",
      { role: 'broker', name: 'broker' },
      /^this key is for "user:alice", not for "broker"$/,
      'user:alice',
    ],
    [
      "a user's role with the broker's key",
      { name: 'alice' },
      /^this key is for "broker", not for "user:alice"$/,
      'broker',
    ],
    ['an older protocol', { protocol: 0 }, /speaks protocol 1, the agent 0/],
    ['no protocol', { protocol: undefined }, /speaks protocol 1/],
    ['an unknown role', { role: 'doctor' }, /user or broker, not "doctor"/],
    ['no name', { name: '' }, /^name must be/],
    ['an invalid pid', { pid: -1 }, /^pid must be/],
    ['an invalid session', { session: { id: 1, connectTime: 12 } }, /connectTime is a decimal string/],
  ];
  it.each(refusals)('rejects %s, with the reason, and closes', async (_what, changes, reason, identity) => {
    const { controller, agents, refused } = await start();
    const peer = await Peer.hello(controller.port, changes, identity);
    const answer = await peer.message(0);
    expect(answer['refused']).toMatch(reason);
    await peer.closed;
    await vi.waitFor(() => expect(refused).toEqual([answer['refused']]));
    expect(agents).toEqual([]);
  });

  it('rejects an agent that is not admitted, for now', async () => {
    const { controller } = await start({ admit: () => 'enough of you' });
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ refused: 'enough of you', passing: true });
  });

  const strangers: [string, string, ConnectionOptions, string][] = [
    [
      'another key',
      'user:alice',
      { pskCallback: () => ({ identity: 'user:alice', psk: keyOf('user:bob') }) },
      'wrong key for "user:alice": check that the agent\'s key file is the one made here',
    ],
    [
      'the beginning of a key',
      'user:alice',
      { pskCallback: () => ({ identity: 'user:alice', psk: keyOf('user:alice').subarray(0, 31) }) },
      'wrong key for "user:alice": check that the agent\'s key file is the one made here',
    ],
    [
      'a key of no user',
      'user:mallory',
      {},
      'there is no key for "user:mallory" here: check the agent\'s key file',
    ],
    [
      'TLS 1.3',
      'user:alice',
      { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3', ciphers: undefined },
      speaksNoTls,
    ],
    [
      'TLS 1.1',
      'user:alice',
      { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'PSK:@SECLEVEL=0' },
      speaksNoTls,
    ],
    [
      'another cipher',
      'user:alice',
      { ciphers: 'PSK-AES256-GCM-SHA384:ECDHE-PSK-AES256-CBC-SHA384' },
      speaksNoTls,
    ],
    ['a key without forward secrecy', 'user:alice', { ciphers: 'PSK-CHACHA20-POLY1305' }, speaksNoTls],
  ];
  it.each(strangers)('has no TLS with %s', async (_what, identity, changes, reason) => {
    const { controller, agents, refused } = await start();
    await expect(Peer.connect(controller.port, identity, changes)).rejects.toThrow();
    await vi.waitFor(() => expect(refused).toEqual([expect.stringContaining(reason)]));
    expect(agents).toEqual([]);
  });

  it('has no TLS with a program that does not speak it, and sends it nothing', async () => {
    const { controller, refused } = await start();
    const peer = await Peer.connectPlainly(controller.port);
    peer.send({ hello: helloWith() });
    await peer.closed;
    expect(peer.received).toEqual([]);
    await vi.waitFor(() => expect(refused).toEqual([expect.stringContaining(speaksNoTls)]));
  });

  it('ends a link whose agent renegotiates', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.hello(controller.port);
    await peer.message(0);
    const gone = agents[0]?.link.closed;
    (peer.socket as TLSSocket).renegotiate({}, () => {});
    expect((await gone)?.message).toMatch(/went away: .*renegotiation/i);
    await peer.closed;
  });

  it.each([
    ['that is not JSON', 'GET / HTTP/1.1\r\n\r\n'],
    ['that is not an object', '7\n'],
    ['that is not a hello', '{"id":1,"command":"readers"}\n'],
    ['of bytes that are not text', Buffer.from([0xff, 0x00, 0xc3, 0x28, 0x0a])],
  ])('rejects a first line %s', async (_what, line) => {
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

  it('accepts a hello in pieces, and two lines in one', async () => {
    const { controller, agents } = await start();
    const peer = await Peer.connect(controller.port, 'user:Zoë');
    const line = `${JSON.stringify({ hello: helloWith({ name: 'Zoë' }) })}\n`;
    for (const byte of Buffer.from(line)) peer.socket.write(Buffer.of(byte));
    await peer.message(0);
    expect(agents[0]?.hello.name).toBe('Zoë');
  });

  it.each([
    ['TLS', (port: number) => Peer.connectPlainly(port)],
    ['a hello', Peer.connect],
  ])('closes a connection after ten seconds for %s', async (_what, connect) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const { controller, refused } = await start();
      const peer = await connect(controller.port);
      let closed = false;
      void peer.closed.then(() => {
        closed = true;
      });
      // The connection is known here before the controller can know of it.
      while (!closed) {
        vi.advanceTimersByTime(10_000);
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(refused).toEqual(['no hello came within 10 s']);
    } finally {
      vi.useRealTimers();
    }
  });

  it.each([
    ['send nothing', Peer.connectPlainly],
    ['send no hello', Peer.connect],
  ])('serves an agent behind 100 connections that %s, and closes the oldest', async (_what, connect) => {
    const { controller, refused } = await start();
    const strangers: Peer[] = [];
    for (let count = 0; count < 100; count++) strangers.push(await connect(controller.port));
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
    await Promise.all(strangers.slice(0, 69).map(({ closed }) => closed));
    await vi.waitFor(() => expect(refused).toHaveLength(69));
    expect(new Set(refused)).toEqual(new Set(['32 younger connections have not said hello either']));
    expect(strangers.at(-1)?.socket.destroyed).toBe(false);
  });

  it('serves an agent behind connections from many addresses', async () => {
    const { controller, refused } = await start();
    for (let count = 0; count < 150; count++) {
      await Peer.connectPlainly(controller.port, `127.0.0.${2 + Math.floor(count / 30)}`);
    }
    const peer = await Peer.hello(controller.port);
    expect(await peer.message(0)).toEqual({ welcome: { protocol: 1 } });
    await vi.waitFor(() => expect(refused).toHaveLength(23));
    expect(new Set(refused)).toEqual(new Set(['128 younger connections have not said hello either']));
  });

  it.each([
    ['a stranger', Peer.connectPlainly],
    ['a connection without a hello', Peer.connect],
  ])('serves an agent while %s floods it with garbage', async (_what, connect) => {
    const { controller } = await start();
    const flood = await connect(controller.port);
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

  it('says what to do if the port is in use', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    await expect(start({ port })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another program uses this port; end it or take another port`,
    );
    other.close();
  });

  it("reports that the address is not this host's", async () => {
    await expect(start({ host: '192.0.2.1' })).rejects.toThrow('this host does not have this address');
  });
});
