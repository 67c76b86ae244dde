import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Controller } from '../../../../src/tools/repro/agents/controller.js';
import { type RemoteOptions, remoteSetup } from '../../../../src/tools/repro/agents/remote-setup.js';
import type { Setup } from '../../../../src/tools/repro/setup.js';
import { keyOf, keys, type Message, Peer } from '../../../support/agent-peer.js';

const open: Setup[] = [];
afterEach(() => Promise.all(open.splice(0).map((setup) => setup[Symbol.asyncDispose]())));

const sessionOf = (id: number, connectTime: number) => ({
  id,
  connectTime: String(connectTime),
  user: `LAB\\user${id}`,
  source: 'wts',
});

/** A user agent in a session, with a card in a reader of its own. */
async function user(port: number, name: string, session: Message | null, reader = `Reader of ${name}`) {
  const peer = await Peer.hello(port, { name, session });
  peer.answer({
    readers: () => ({ readers: [{ name: reader, state: ['present'], atr: '3b01' }] }),
    session: () => session ?? undefined,
  });
  return peer;
}

async function broker(port: number, ...readers: string[]) {
  const peer = await Peer.hello(port, { role: 'broker', name: 'broker', session: sessionOf(0, 0) });
  peer.answer({ readers: () => ({ readers: readers.map((name) => ({ name, state: [], atr: null })) }) });
  return peer;
}

/** A setup of agents that `come` connects. */
async function setupOf(come: (port: number) => Promise<unknown>, changes: Partial<RemoteOptions> = {}) {
  const steps: string[] = [];
  const setup = await remoteSetup({
    host: '127.0.0.1',
    port: 0,
    keys,
    sessions: 2,
    timeout: 5000,
    readers: new Map(),
    madeUpSessions: false,
    waitForReconnect: false,
    pinOf: async ({ hello }) => `pin of ${hello.name}`,
    onListening: (controller: Controller) => void come(controller.port),
    onAgents: () => {},
    onAsked: (what) => steps.push(what),
    ...changes,
  });
  open.push(setup);
  return { setup, steps };
}

const twoUsers = async (port: number, first: Message | null, second: Message | null) => {
  await broker(port, 'Reader of alice', 'Reader of bob');
  await user(port, 'bob', second);
  await user(port, 'alice', first);
};

describe('a setup of remote agents', () => {
  it('has the sessions that the agents report, the lowest id first, with their readers and PINs', async () => {
    const { setup } = await setupOf((port) => twoUsers(port, sessionOf(7, 1007), sessionOf(3, 1003)));
    expect(setup.sessions).toEqual([
      { identity: { id: 3, connectTime: 1003n }, reader: 'Reader of bob', pin: 'pin of bob' },
      { identity: { id: 7, connectTime: 1007n }, reader: 'Reader of alice', pin: 'pin of alice' },
    ]);
  });

  it('lists the agents in the result, without their keys', async () => {
    const { setup } = await setupOf((port) => twoUsers(port, sessionOf(7, 1007), sessionOf(3, 1003)));
    expect(setup.environment['user of session 7']).toBe(
      '"alice" on 127.0.0.1, linux x64 6.1, terminal session 7 of LAB\\user7, agent 0.1.0, pid 4711',
    );
    expect(setup.environment['broker']).toContain('"broker" on 127.0.0.1');
    expect(JSON.stringify(setup.environment)).not.toContain(keyOf('broker').toString('hex'));
  });

  it.each([
    [
      'is shared by two users',
      sessionOf(3, 5),
      sessionOf(3, 5),
      /are both in a terminal session 3: .*--made-up-sessions/,
    ],
    [
      'has the id of a session on another host',
      sessionOf(3, 5),
      sessionOf(3, 6),
      /are both in a terminal session 3/,
    ],
    [
      'could not be determined',
      null,
      sessionOf(3, 5),
      /"alice" .* could not learn its terminal session; --made-up-sessions/,
    ],
  ])(
    'rejects a session that %s, and accepts it with made-up sessions',
    async (_what, first, second, message) => {
      const come = (port: number) => twoUsers(port, first, second);
      await expect(setupOf(come)).rejects.toThrow(message);
      const { setup } = await setupOf(come, { madeUpSessions: true });
      expect(setup.sessions.map(({ identity, reader }) => [identity.id, reader])).toEqual([
        [1, 'Reader of alice'],
        [2, 'Reader of bob'],
      ]);
    },
  );

  it('frees its port when it fails', async () => {
    let port = 0;
    const failed = setupOf(async () => {}, { timeout: 10, onListening: (at) => (port = at.port) });
    await expect(failed).rejects.toThrow('did not connect within');
    await expect(Peer.connect(port)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

describe('a session that really reconnects', () => {
  const readers = ['Reader of alice', 'Reader of bob', 'Another reader of alice'];

  it('is back when an agent connects with a new connect time, with its current reader', async () => {
    let port = 0;
    let old: Peer | undefined;
    const { setup, steps } = await setupOf(
      async (at) => {
        port = at;
        await broker(port, ...readers);
        old = await user(port, 'alice', sessionOf(2, 1002));
        await user(port, 'bob', sessionOf(3, 1003));
      },
      { waitForReconnect: true },
    );
    const [first] = setup.sessions;
    const back = setup.participants.reconnect(first ?? expect.fail('nobody'));
    const next = await user(port, 'alice', sessionOf(2, 2002), 'Another reader of alice');
    expect(await back).toMatchObject({
      identity: { id: 2, connectTime: 2002n },
      reader: 'Another reader of alice',
    });
    expect(next.received[0]).toEqual({ welcome: { protocol: 1 } });
    expect(steps).toEqual(['disconnect session 2 ("alice") and connect it again, now']);
    await old?.closed;
    expect(setup.participants.lost?.aborted).toBe(false);
    next.socket.destroy();
    await vi.waitFor(() => expect(setup.participants.lost?.reason).toMatchObject({ code: 'AGENT_E_GONE' }));
  });

  it('may end its agent while it is away', async () => {
    let port = 0;
    let old: Peer | undefined;
    const { setup } = await setupOf(
      async (at) => {
        port = at;
        await broker(port, ...readers);
        old = await user(port, 'alice', sessionOf(2, 1002));
        await user(port, 'bob', sessionOf(3, 1003));
      },
      { waitForReconnect: true },
    );
    const back = setup.participants.reconnect(setup.sessions[0] ?? expect.fail('nobody'));
    old?.socket.destroy();
    await old?.closed;
    await user(port, 'alice', sessionOf(2, 2002));
    expect(await back).toMatchObject({ identity: { id: 2, connectTime: 2002n } });
    expect(setup.participants.lost?.aborted).toBe(false);
  });

  it('is back when its connected agent reports a new connect time', async () => {
    const session = sessionOf(2, 1002);
    let alice: Peer | undefined;
    const { setup } = await setupOf(
      async (port) => {
        await broker(port, ...readers);
        alice = await user(port, 'alice', session);
        await user(port, 'bob', sessionOf(3, 1003));
      },
      { waitForReconnect: true },
    );
    const back = setup.participants.reconnect(setup.sessions[0] ?? expect.fail('nobody'));
    session.connectTime = '2002';
    expect(await back).toMatchObject({ identity: { id: 2, connectTime: 2002n }, reader: 'Reader of alice' });
    alice?.socket.destroy();
    await vi.waitFor(() => expect(setup.participants.lost?.aborted).toBe(true));
  });

  it('need not return when the scenario is interrupted', async () => {
    const { setup } = await setupOf(
      async (port) => {
        await broker(port, ...readers);
        await user(port, 'alice', sessionOf(2, 1002));
        await user(port, 'bob', sessionOf(3, 1003));
      },
      { waitForReconnect: true },
    );
    const interrupt = new AbortController();
    const back = setup.participants.reconnect(setup.sessions[0] ?? expect.fail('nobody'), interrupt.signal);
    interrupt.abort();
    await expect(back).rejects.toMatchObject({ name: 'AbortError' });
  });
});
