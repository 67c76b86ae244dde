/** The broker of examples/, with clients in kernel sessions of their own. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test, vi } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { type RunningExample, startExample } from '../../support/example.js';
import { LocalClient } from '../../support/local-client.js';
import { occurrences } from '../../support/memory.js';
import { insertPiv, readerAt, startRig } from '../../support/rig.js';
import { durationOf, staysPending } from '../../support/time.js';
import { asNobody, makeDirectory, openDirectoryOf, skipWithoutNobody } from './helpers.js';

const rig = await startRig({ slots: 2 });
const PIN = '739184';
await insertPiv(rig, 0, { pin: PIN, subject: 'Alice' });
const cardOfBob = await insertPiv(rig, 1, { pin: PIN, subject: 'Bob' });
const alices = readerAt(rig, 0).name;
const bobs = readerAt(rig, 1).name;

async function startBroker(access = 'owner'): Promise<{ broker: RunningExample; path: string }> {
  const path = join(makeDirectory(), 'broker.sock');
  const broker = startExample('session-broker.mjs', {}, [path, access]);
  await broker.until(`listening at ${path}`);
  return { broker, path };
}

async function enter(path: string): Promise<LocalClient> {
  const client = await LocalClient.connect(path, { ownSession: true });
  onTestFinished(() => client.kill());
  return client;
}

const logOn = (client: LocalClient, reader: string, pin = PIN) =>
  client.ask({ command: 'logon', reader }, `${pin}\n`);

async function endWell({ process, ended, lines }: RunningExample): Promise<void> {
  process.kill('SIGTERM');
  expect(await ended).toEqual({ code: 0, signal: null, stderr: '' });
  expect(lines().join('\n')).not.toContain(PIN);
}

test("a card that one session holds delays no other session's logon", async () => {
  const { broker, path } = await startBroker();
  const [alice, bob] = [await enter(path), await enter(path)];
  expect(await logOn(alice, alices)).toMatchObject({ subject: 'CN=Alice' });
  expect(await logOn(bob, bobs)).toMatchObject({ subject: 'CN=Bob' });
  const free = await durationOf(logOn(bob, bobs));

  const holder = await CardHold.start(alices);
  const waiting = logOn(alice, alices);
  // Alice waits for her own card; Bob does not wait.
  expect(await staysPending(waiting)).toBe(true);
  const held = await durationOf(
    logOn(bob, bobs).then((it) => expect(it).toMatchObject({ subject: 'CN=Bob' })),
  );
  expect(held).toBeLessThan(10 * free + 1000);
  expect(await staysPending(waiting, 0)).toBe(true);
  await holder.release();
  expect(await waiting).toMatchObject({ subject: 'CN=Alice' });
  await endWell(broker);
});

test('the system identifies a client, whatever the client sends', async () => {
  const { broker, path } = await startBroker();
  await using bridge = new CardBridge();
  const [alice, bob] = [await enter(path), await enter(path)];
  const of = async (client: LocalClient) => {
    const { id, user } = (await bridge.openSession({ pid: client.pid })).identity;
    return { session: id, user };
  };
  expect(await alice.ask({ command: 'whoami' })).toEqual(await of(alice));
  const claim = { session: (await of(alice)).session, user: 'alice', pid: alice.pid, peer: alice.pid };
  const claims = { ...claim, id: claim.session, identity: { id: claim.session, connectTime: '0' } };
  expect(await bob.ask({ command: 'whoami', ...claims })).toEqual(await of(bob));
  await endWell(broker);
});

test('garbage is answered with an error, and the next line is answered normally', async () => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  const bad = ['', 'nonsense', '{', 'null', '5', '[]', '"logon"', '{"command":{}}', '[['.repeat(2000), '\0'];
  for (const line of bad) {
    client.send(`${line}\n`);
    expect(JSON.parse((await client.line()) ?? '')).toEqual(
      expect.objectContaining({ error: expect.any(String) }),
    );
  }
  client.send(Buffer.from([0xff, 0xfe, 0xc0, 0x0a]).toString('latin1'));
  expect(JSON.parse((await client.line()) ?? '')).toMatchObject({ code: 'BAD_JSON' });
  for (const reader of [undefined, 5, '', 'no such reader', {}]) {
    expect(await client.ask({ command: 'logon', reader }, `${PIN}\n`)).toMatchObject({
      error: expect.any(String),
    });
  }
  expect(await client.ask({ command: 'readers' })).toEqual({ readers: [alices, bobs] });
  await endWell(broker);
});

test('a wrong PIN is reported with the tries left, and appears in no response', async () => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  const answer = await logOn(client, bobs, '975310');
  expect(answer).toMatchObject({ code: 'PIV_WRONG_PIN', error: expect.stringContaining('2 tries left') });
  expect(JSON.stringify(answer) + broker.lines().join('\n')).not.toContain('975310');
  expect(await logOn(client, bobs)).toMatchObject({ subject: 'CN=Bob' });
  expect(cardOfBob.piv.pin.retriesLeft).toBe(3);
  await endWell(broker);
});

const verify = Buffer.concat([Buffer.from([0x00, 0x20, 0x00, 0x80, 0x08]), Buffer.from(PIN)]);

// Node.js may keep a copy of the line itself: it reads into memory that it frees without wiping.
test('the PIN of a command is not in memory afterwards', async () => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  const pid = broker.process.pid as number;
  for (let i = 0; i < 3; i++) expect(await logOn(client, bobs)).toMatchObject({ subject: 'CN=Bob' });
  expect(await occurrences(pid, path)).toBeGreaterThan(0);
  expect(await occurrences(pid, verify)).toBe(0);
  await endWell(broker);
});

test.each([
  ['6Cxx', 0x6c08],
  ['61xx', 0x6102],
])('the PIN is not in memory after the card responded %s', async (_how, status) => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  // The first VERIFY reads the tries left.
  cardOfBob.faults.forceStatus(0x63c3, { ins: 0x20 });
  cardOfBob.faults.forceStatus(status, { ins: 0x20 });
  expect(await logOn(client, bobs)).toMatchObject({ code: 'PIV_REFUSED' });
  cardOfBob.faults.clear();
  expect(await occurrences(broker.process.pid as number, verify)).toBe(0);
  await endWell(broker);
});

test('the PIN is not in memory after its client disconnected while the card processed it', async () => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  const verifying = new Promise<void>((resolve) => {
    const take = cardOfBob.faults.take.bind(cardOfBob.faults);
    let verifies = 0;
    cardOfBob.faults.take = (ins) => {
      if (ins === 0x20 && ++verifies === 2) {
        cardOfBob.faults.responseDelay = 60_000;
        cardOfBob.faults.take = take;
        resolve();
      }
      return take(ins);
    };
  });
  onTestFinished(() => cardOfBob.faults.clear());
  client.send(`${JSON.stringify({ command: 'logon', reader: bobs })}\n${PIN}\n`);
  await verifying;
  expect(await occurrences(broker.process.pid as number, verify)).toBeGreaterThan(0);
  await client.kill();
  cardOfBob.faults.clear();
  await broker.until(new RegExp(`process ${client.pid}: gone`));
  await vi.waitFor(async () => expect(await occurrences(broker.process.pid as number, verify)).toBe(0), {
    timeout: 20_000,
    interval: 100,
  });
  await endWell(broker);
});

test('a line that is too long is reported and ends only its own connection', async () => {
  const { broker, path } = await startBroker();
  const [long, other] = [await enter(path), await enter(path)];
  long.send('x'.repeat(5000));
  expect(JSON.parse((await long.line()) ?? '')).toMatchObject({ error: 'a line has at most 4096 bytes' });
  expect(await long.line()).toBeUndefined();
  await broker.until(new RegExp(`process ${long.pid}: gone`));
  expect(await other.ask({ command: 'readers' })).toEqual({ readers: [alices, bobs] });
  await endWell(broker);
});

test('a client that disconnects while it waits is removed at once', async () => {
  const { broker, path } = await startBroker();
  const client = await enter(path);
  const holder = await CardHold.start(alices);
  client.send(`${JSON.stringify({ command: 'logon', reader: alices })}\n${PIN}\n`);
  await broker.until(new RegExp(`process ${client.pid}: here`));
  await client.kill();
  await broker.until(new RegExp(`process ${client.pid}: gone`));
  await holder.release();
  await endWell(broker);
});

test('a client that does not read its responses is not read, and blocks no other client', async () => {
  const { broker, path } = await startBroker();
  const slow = connect(path);
  onTestFinished(() => void slow.destroy());
  await once(slow, 'connect');
  slow.pause();
  const many = 60_000;
  slow.write('{"command":"x"}\n'.repeat(many));
  const drained = once(slow, 'drain');
  // It is not read, for as long as the test waits; others are served meanwhile.
  expect(await staysPending(drained, 1000)).toBe(true);
  const other = await enter(path);
  expect(await logOn(other, bobs)).toMatchObject({ subject: 'CN=Bob' });
  expect(await staysPending(drained, 0)).toBe(true);

  let answers = 0;
  for await (const line of createInterface({ input: slow })) {
    expect(line).toContain('the commands are');
    answers += 1;
    if (answers === many) break;
  }
  await drained;
  await endWell(broker);
});

test('closing ends every connection, also those that wait for a card, and leaves no file', async () => {
  const { broker, path } = await startBroker();
  const [waiting, resting] = [await enter(path), await enter(path)];
  const holder = await CardHold.start(alices);
  waiting.send(`${JSON.stringify({ command: 'logon', reader: alices })}\n${PIN}\n`);
  expect(await resting.ask({ command: 'readers' })).toEqual({ readers: [alices, bobs] });
  await endWell(broker);
  expect(await resting.line()).toBeUndefined();
  expect(await waiting.line()).toBeUndefined();
  expect(existsSync(path)).toBe(false);
  await holder.release();
});

/** Keeps 300 connections open or connecting, each of which requests logons as often as possible. */
const flood = `
  const [path, request] = process.argv.slice(1);
  const come = () => {
    const socket = require('node:net').connect(path, () => socket.write(request));
    socket.on('data', () => { console.log('answered'); socket.write(request); });
    socket.on('error', () => {}).on('close', () => setTimeout(come, 10));
  };
  for (let i = 0; i < 300; i++) come();`;

test("one user's flood of connections and logons neither delays nor disconnects another user", async ({
  skip,
}) => {
  skipWithoutNobody(skip);
  const { broker, path } = await startBroker('everyone');
  openDirectoryOf(path);
  // The descriptor limit of a small service: lower than what the flood would use.
  execFileSync('prlimit', ['--pid', String(broker.process.pid), '--nofile=200']);
  const logOnAnew = async () => {
    const bob = await enter(path);
    expect(await logOn(bob, bobs)).toMatchObject({ subject: 'CN=Bob' });
    await bob.kill();
  };
  await logOnAnew();
  const free = await durationOf(logOnAnew());

  const request = `${JSON.stringify({ command: 'logon', reader: alices })}\n${PIN}\n`;
  const flooding = spawn(process.execPath, ['--eval', flood, path, request], {
    ...asNobody,
    cwd: '/',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void flooding.kill('SIGKILL'));
  await once(createInterface({ input: flooding.stdout }), 'line');
  await broker.until(/^refused: a connection of user 65534 .* maxConnectionsPerUser allows/);
  for (let time = 0; time < 5; time++) expect(await durationOf(logOnAnew())).toBeLessThan(10 * free + 1000);
  flooding.kill('SIGKILL');
  await endWell(broker);
});

test('a user may have four logons in progress, and further ones are rejected with that reason', async () => {
  const { broker, path } = await startBroker();
  const clients = await Promise.all(Array.from({ length: 5 }, () => enter(path)));
  const holder = await CardHold.start(alices);
  const logons = clients.map((client) => logOn(client, alices));
  expect(await Promise.race(logons)).toEqual({
    error: 'this user already has 4 pending logons, which is the limit: wait for one to end',
    code: 'TOO_MANY_LOGONS',
  });
  await holder.release();
  const subjects = (await Promise.all(logons)).map(({ subject }) => subject);
  expect(subjects.filter((subject) => subject === 'CN=Alice')).toHaveLength(4);
  await endWell(broker);
});
