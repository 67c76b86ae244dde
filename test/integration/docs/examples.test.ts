/** The programs in examples/ do what they say. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { fromHex } from '../../../src/apdu/index.js';
import { CardHold } from '../../../src/testing/rig/hold.js';
import {
  buildAtr,
  createPivCard,
  PivApplet,
  PivCard,
  StorageCard,
  VpcdLink,
} from '../../../src/testing/virtual/index.js';
import { examples, type RunningExample, startExample } from '../../support/example.js';
import { readerAt, startRig, takeOut } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);
const { name: other, port: otherPort } = readerAt(rig, 1);

test('each example is run in a test, or only compiled', () => {
  const broker = ['session-broker.mjs', 'session-broker-client.mjs'];
  const run = ['custom-card.mjs', 'desktop-agent.mjs', 'nfc-uid.mjs', 'web-smart-card.mjs', ...broker];
  // tls-client-auth.test.ts, remote-cards.test.ts, test/integration/activity/opentelemetry.test.ts
  const elsewhere = ['tls-client-auth.mjs', 'remote-cards', 'opentelemetry.mjs'];
  const compiled = ['electron-main.mjs']; // there is no Electron here: see test/unit/docs
  const units = ['systemd']; // test/integration/local/activation.test.ts
  expect(readdirSync(examples).toSorted()).toEqual([...run, ...elsewhere, ...compiled, ...units].toSorted());
});

test('custom-card requires the PIN where needed, and counts points', async () => {
  const { lines, ended } = startExample('custom-card.mjs');
  expect(await ended).toMatchObject({ code: 0, stderr: '' });
  expect(lines()).toEqual([
    'select: success',
    'earn 30: 30',
    'spend 10: security status not satisfied',
    'spend 10 with the PIN: 20',
    'spend 100: conditions of use not satisfied',
    'points: 20',
    'the card has seen 7 APDUs',
  ]);
});

describe('nfc-uid', () => {
  /** A contactless card on a reader: the reader itself answers FF CA. */
  async function putCard(on: number, answer: string): Promise<() => void> {
    const link = await VpcdLink.connect(
      { port: on },
      {
        powerOn() {},
        powerOff() {},
        reset() {},
        closed() {},
        atr: () => buildAtr(),
        apdu: (command) => {
          const asked = Buffer.from(command).equals(Buffer.from('ffca000000', 'hex'));
          link.send(fromHex(asked ? answer : '6D00'));
        },
      },
    );
    onTestFinished(() => link.close());
    return () => link.close();
  }

  test('reports readers, the UID of each card, and its removal', async () => {
    const program = startExample('nfc-uid.mjs');
    await program.until(`${reader}: attached`);
    await program.until(`${other}: attached`);
    const remove = await putCard(port, '04 A2 3B 7A 9000');
    await program.until(`${reader}: card 04A23B7A`);
    const removeOther = await putCard(otherPort, '6A81');
    await program.until(`${other}: card not read: The reader could not read the UID: function not supported`);
    remove();
    removeOther();
    await program.until(`${reader}: card removed`);
    await program.until(`${other}: card removed`);
    program.process.kill('SIGINT');
    expect(await program.ended).toEqual({ code: 0, signal: null, stderr: '' });
  });
});

describe('desktop-agent', () => {
  let virtual: PivCard;
  const PCSC_BRIDGE_PIN = '246810';
  const applets = PivApplet.create({ pin: PCSC_BRIDGE_PIN, subject: 'Alice' });
  const insert = async () => {
    virtual = await PivCard.insertPiv({ port }, await applets);
  };
  beforeEach(insert);
  afterEach(() => takeOut(virtual));

  const loggedOn = new RegExp(`^${reader}: CN=Alice logged on in \\d+ ms$`);
  const count = (agent: RunningExample, what: RegExp) =>
    agent.lines().filter((line) => what.test(line)).length;

  test('logs on with the inserted card, off when it is removed, on again when it returns', async () => {
    const agent = startExample('desktop-agent.mjs', { PCSC_BRIDGE_PIN });
    await agent.until(loggedOn);
    await takeOut(virtual);
    await agent.until(`${reader}: logged off, card removed`);
    await insert();
    await vi.waitFor(() => expect(count(agent, loggedOn)).toBe(2), { timeout: 5000 });
    agent.process.kill('SIGTERM');
    expect(await agent.ended).toEqual({ code: 0, signal: null, stderr: '' });
    expect(agent.lines().slice(-2)).toEqual([`${reader}: logged off, the agent ends`, 'ended']);
  });

  test('survives a restart of the service', async () => {
    const agent = startExample('desktop-agent.mjs', { PCSC_BRIDGE_PIN });
    await agent.until(loggedOn);
    await rig.killDaemon();
    await agent.until(/^the smart card service is away: SCARD_/);
    await agent.until(`${reader}: logged off, the contents of the reader are unknown`);
    await virtual.closed;
    await rig.restartDaemon();
    await agent.until('the smart card service is back');
    await insert();
    await vi.waitFor(() => expect(count(agent, loggedOn)).toBe(2), { timeout: 5000 });
    agent.process.kill('SIGTERM');
    expect(await agent.ended).toEqual({ code: 0, signal: null, stderr: '' });
  });

  test('spends one try on a wrong PIN, not one per card', async () => {
    const agent = startExample('desktop-agent.mjs', { PCSC_BRIDGE_PIN: '999999' });
    await agent.until(/no logon: The PIN is wrong: verification failed, 2 tries left/);
    await takeOut(virtual);
    await agent.until(`${reader}: logged off, card removed`);
    await insert();
    await agent.until(`${reader}: no PIN, no logon`);
    expect(virtual.piv.pin.retriesLeft).toBe(2);
    agent.process.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
  });

  test('ends at once while it waits for a card that another process holds', async () => {
    const holder = await CardHold.start(reader);
    const second = await createPivCard({ port: otherPort, pin: PCSC_BRIDGE_PIN, subject: 'Bob' });
    const agent = startExample('desktop-agent.mjs', { PCSC_BRIDGE_PIN });
    // Bob does not wait for Alice's card.
    await agent.until(new RegExp(`^${other}: CN=Bob logged on`));
    expect(count(agent, loggedOn)).toBe(0);
    // Twice, as happens on a terminal with a parent process.
    agent.process.kill('SIGINT');
    agent.process.kill('SIGTERM');
    const { code, signal, stderr } = await agent.ended;
    expect({ last: agent.lines().at(-1), stderr }).toEqual({ last: 'ended', stderr: '' });
    // Node.js has no handler any more while it exits: the second signal may find it there.
    expect(code === 0 || signal === 'SIGTERM').toBe(true);
    await holder.release();
    await takeOut(second);
  });
});

test('web-smart-card prints the fingerprint of each PIV card, and follows readers and cards', async () => {
  const program = startExample('web-smart-card.mjs', { NODE_OPTIONS: '--import pcsc-bridge/web/register' });
  await program.until(`${reader}: empty`);
  await program.until(`${other}: empty`);
  const virtual = await createPivCard({ port, subject: 'Alice' });
  await program.until(new RegExp(`^${reader}: SHA-256 [0-9a-f]{64}$`));
  const tag = await StorageCard.insertStorage({ port: otherPort, kind: 'NTAG213' });
  await program.until(new RegExp(`^${other}: not read: status word`));
  await takeOut(virtual);
  await takeOut(tag);
  const empty = () => program.lines().filter((line) => line.endsWith(': empty')).length;
  await vi.waitFor(() => expect(empty()).toBe(4), { timeout: 5000 });
  program.process.kill('SIGINT');
  expect(await program.ended).toEqual({ code: null, signal: 'SIGINT', stderr: '' });
});

test('session-broker returns readers and a logon to its client, in the session of the client', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'broker-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const path = join(directory, 'broker.sock');
  const virtual = await createPivCard({ port, pin: '246810', subject: 'Alice' });
  const broker = startExample('session-broker.mjs', {}, [path]);
  await broker.until(`listening at ${path}`);
  const client = startExample('session-broker-client.mjs', { PCSC_BRIDGE_PIN: '246810' }, [path, reader]);
  expect(await client.ended).toEqual({ code: 0, signal: null, stderr: '' });
  const said = client.lines().join(' ');
  expect(said).toMatch(
    /^{ session: \d+, user: '.+' } { readers: \[.+\] } { subject: 'CN=Alice', durationMs:/,
  );
  await broker.until(/: gone$/);
  broker.process.kill('SIGTERM');
  expect(await broker.ended).toEqual({ code: 0, signal: null, stderr: '' });
  expect(broker.lines().join('\n')).not.toContain('246810');
  expect(readdirSync(directory)).toEqual([]);
  await takeOut(virtual);
});
