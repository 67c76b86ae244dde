/** Cards in USB readers: USB, the kernel, libccid and the guest's pcscd are between this host and the card. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { logon, readCertificate } from '../../src/piv/index.js';
import { createPivCard, DEFAULT_PIN } from '../../src/testing/virtual/index.js';
import { selectPiv, send, sw } from '../support/piv-host.js';
import { openBridge } from '../support/rig.js';
import { runCli } from '../support/run-cli.js';
import { deferred, errorOf } from '../support/time.js';
import { patience, type ReaderId, readerGone, t0Atr, UsbGuest } from './guest.js';

const guest = await UsbGuest.start();
afterAll(() => guest[Symbol.asyncDispose]());
process.env['PCSCLITE_CSOCK_NAME'] = guest.socket;

const insert = (id: ReaderId, subject: string) =>
  createPivCard({ ...guest.address(id), subject, atr: t0Atr });
const card = await insert('reader1', 'Alice');
const second = await insert('reader2', 'Bob');
afterAll(() => Promise.all([card.remove(), second.remove()]));

const bridge = openBridge();
const session = await bridge.openSession();
const readers = await session.listReaders();
const [reader = '', other = ''] = readers;
await session.waitForCard({ reader, timeout: patience });
await session.waitForCard({ reader: other, timeout: patience });

test('both readers have the names that libccid gives them', () => {
  expect(readers).toHaveLength(2);
  for (const name of readers) expect(name).toMatch(/^Gemalto Gemplus USB SmartCard Reader/);
});

test('a PIV logon over T=0', async () => {
  const timeout = patience;
  for (const [name, subject] of [
    [reader, 'Alice'],
    [other, 'Bob'],
  ] as const) {
    const { certificate } = await session.transaction(name, (tx) => logon(tx, DEFAULT_PIN), { timeout });
    expect(certificate.subject).toBe(`CN=${subject}`);
  }
});

test('over T=0, a long response arrives in the pieces of GET RESPONSE and is whole', async () => {
  await using own = await session.connect(reader, { timeout: patience });
  expect(own.protocol).toBe('T=0');
  const before = card.apduCount;
  const { raw } = await readCertificate(own);
  expect(new Uint8Array(raw)).toEqual(card.piv.certificate);
  expect(card.apduCount - before).toBeGreaterThan(1);
});

test('a transaction keeps another connection waiting until its timeout, or until the transaction ends', async () => {
  await using holder = await session.connect(reader, { timeout: patience });
  await using waiting = await session.connect(reader, { timeout: patience });
  const begun = deferred();
  const end = deferred();
  const held = holder.transaction(async (tx) => {
    await send(tx, selectPiv);
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  expect(await errorOf(waiting.transmit(selectPiv, { timeout: 200 }))).toMatchObject({
    name: 'TimeoutError',
  });
  const response = sw(waiting, selectPiv);
  end.resolve();
  expect(await response).toBe(0x9000);
  await held;
});

test('the readers have attributes, and control codes of PC/SC part 10', async () => {
  await using own = await session.connect(reader, { timeout: patience });
  expect(Buffer.from(await own.getAttribute(0x0001_0100)).toString()).toContain('QEMU');
  const features = await own.control(0x4200_0d48);
  expect(features.length % 6).toBe(0);
  expect(features.length).toBeGreaterThan(0);
});

test('pcsc-bridge repro with both readers reproduces the fault and shows the fix', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-usb-repro-'));
  try {
    const json = join(directory, 'result.json');
    const { code, stderr } = await runCli(
      ['repro', '--sessions', '2', '--reader', reader, '--reader', other, '--json', json],
      { PCSC_BRIDGE_PIN: DEFAULT_PIN },
    );
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const { verdict } = JSON.parse(await readFile(json, 'utf8'));
    expect(verdict).toBe('fixed');
  } finally {
    await rm(directory, { recursive: true });
  }
});

// Comes last: the emulated machine wakes only once.
test('a transaction in which the host slept ends with an error or continues, and the card works', async () => {
  const own = await session.connect(reader, { timeout: patience });
  const slept = own.transaction(
    async (tx) => {
      expect(await sw(tx, selectPiv)).toBe(0x9000);
      await guest.sleepAndWake();
      return sw(tx, selectPiv);
    },
    { timeout: patience },
  );
  const outcome = await slept.catch(({ code }) => code);
  expect([0x9000, 'SCARD_W_RESET_CARD', ...readerGone]).toContain(outcome);
  await session.waitForCard({ reader, timeout: patience });
  expect(await sw(own, selectPiv)).toBe(0x9000);
  await own.close();
  const { certificate } = await session.transaction(reader, (tx) => logon(tx, DEFAULT_PIN), {
    timeout: patience,
  });
  expect(certificate.subject).toBe('CN=Alice');
});
