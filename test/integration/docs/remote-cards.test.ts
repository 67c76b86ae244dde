/** examples/remote-cards: two hosts with their own network, clients that die, and a cable that is pulled. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { jetstream } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { connect, headers } from '@nats-io/transport-node';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type RunningExample, startExample } from '../../support/example.js';
import { findNatsServer, NatsServer, type NatsUser } from '../../support/nats.js';
import { OtherHost, whyNoOtherHosts } from '../../support/other-host.js';
import { selectPiv } from '../../support/piv-host.js';

/** Milliseconds that a lease lasts without a renewal. */
const TTL = 3000;
const READER = 'Virtual Reader A 00 00';
const PIN = '123456';

const found = findNatsServer();
const trouble = whyNoOtherHosts() ?? ('reason' in found ? found.reason : undefined);
const unless = trouble === undefined ? '' : ` (${trouble})`;

describe.skipIf(trouble !== undefined)(`remote-cards${unless}`, () => {
  let nats: NatsServer;
  const hosts: Record<string, { network: OtherHost; program: RunningExample }> = {};

  beforeAll(async () => {
    const networks = { 'host-a': await OtherHost.boot(), 'host-b': await OtherHost.boot() };
    nats = await NatsServer.start('program' in found ? found.program : '');
    const admin = nats.env('admin', '127.0.0.1');
    const setUp = startExample('remote-cards/set-up.mjs', admin, [`${TTL}`], { inHook: true });
    expect(await setUp.ended).toEqual({ code: 0, signal: null, stderr: '' });
    for (const [name, network] of Object.entries(networks)) {
      const cli = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));
      const rig = [process.execPath, cli, 'rig', '--readers', '2', '--cards', '1', '--'];
      const program = startExample('remote-cards/host.mjs', nats.env(name as NatsUser, network.address), [], {
        inside: [...network.launcher, ...rig],
        inHook: true,
      });
      hosts[name] = { network, program };
      await program.until(`${name}: ready`);
    }
  }, 60_000);

  afterAll(async () => {
    for (const { program, network } of Object.values(hosts)) {
      program.process.kill();
      await program.ended;
      await network[Symbol.asyncDispose]();
    }
    await nats[Symbol.asyncDispose]();
  });

  function start(program: string, user: NatsUser, ...words: string[]): RunningExample {
    const env = { ...nats.env(user, '127.0.0.1'), PCSC_BRIDGE_PIN: PIN };
    return startExample(`remote-cards/${program}.mjs`, env, words);
  }

  async function logOn(user: NatsUser, host: string) {
    const client = start('client', user, 'logon', host, READER);
    return { ...(await client.ended), said: client.lines().join('\n') };
  }

  async function hold(user: NatsUser, host: string): Promise<RunningExample> {
    const client = start('client', user, 'hold', host, READER);
    await client.until(`${host}: ${READER}: held`);
    return client;
  }

  test('both hosts announce their readers', async () => {
    const readers = ['host-a', 'host-b'].flatMap((host) => [
      expect.stringMatching(`${host}: ${READER}: 3B`),
      `${host}: ${READER.replace(/.$/, '1')}: empty`,
    ]);
    const list = async () => {
      const client = start('client', 'alice', 'readers');
      await client.ended;
      return client.lines().toSorted();
    };
    // An announcement lapses, and comes again, if its host is late by more than the time to live.
    await expect.poll(list, { timeout: 15_000 }).toEqual(readers);
  });

  test.each(['host-a', 'host-b'])('a user logs on with the card of %s', async (host) => {
    const { code, stderr, said } = await logOn('alice', host);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(said).toMatch(`${host}: ${READER}: CN=Virtual Card 1`);
  });

  test('while one has a card, another one waits for it, and logs on elsewhere', async () => {
    const alice = await hold('alice', 'host-a');
    const waiting = start('client', 'bob', 'logon', 'host-a', READER);
    expect((await logOn('bob', 'host-b')).code).toBe(0);
    expect(waiting.lines()).toEqual([]);
    expect(waiting.process.exitCode).toBe(null);
    alice.process.kill('SIGINT');
    expect(await alice.ended).toEqual({ code: 0, signal: null, stderr: '' });
    expect(await waiting.ended).toMatchObject({ code: 0, stderr: '' });
  });

  test('a client that is killed in a transaction has the card no longer than its lease lasts', async () => {
    const alice = await hold('alice', 'host-a');
    const killed = performance.now();
    alice.process.kill('SIGKILL');
    expect(await logOn('bob', 'host-a')).toMatchObject({ code: 0, stderr: '' });
    // The next client asks three times in that time, and its start takes some.
    expect(performance.now() - killed).toBeLessThan(2 * TTL + 2000);
  });

  test("another user cannot use one's lease", async () => {
    const alice = await hold('alice', 'host-a');
    const { NATS_URL = '', NATS_CA = '', NATS_PASSWORD_FILE = '' } = nats.env('bob', '127.0.0.1');
    const connection = await connect({
      servers: NATS_URL,
      user: 'bob',
      pass: readFileSync(NATS_PASSWORD_FILE, 'utf8'),
      inboxPrefix: '_INBOX.bob',
      tls: { caFile: NATS_CA },
    });
    onTestFinished(() => connection.close());
    const token = Buffer.from(READER).toString('base64url');
    const leases = await new Kvm(jetstream(connection)).open('leases');
    const lease = (await leases.get(`host-a.${token}`))?.json<{ user: string; id: string }>();
    expect(lease?.user).toBe('alice');
    const head = headers();
    head.set('Lease', lease?.id ?? '');
    const request = (user: string, verb: string) =>
      connection.request(`cards.host-a.${token}.${user}.${verb}`, selectPiv, {
        headers: head,
        timeout: 5000,
      });
    for (const verb of ['begin', 'transmit', 'end']) {
      const refused = await request('bob', verb);
      expect(refused.headers?.get('Code')).toBe('LEASE_LOST');
      await expect(request('alice', verb)).rejects.toThrow(/permission/i);
    }
    alice.process.kill('SIGINT');
    expect((await alice.ended).code).toBe(0);
  });

  // The last one: the cable stays out.
  test('a host that loses its network frees the card when the lease has run out', async () => {
    const { network, program } = hosts['host-b'] ?? {};
    const freed = () => program?.lines().filter((line) => line === `${READER}: free`).length ?? 0;
    await hold('alice', 'host-b');
    const before = freed();
    network?.pullCable();
    await vi.waitFor(() => expect(freed()).toBe(before + 1), { timeout: TTL + 5000 });
  });
});
