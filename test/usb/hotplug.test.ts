/** USB readers that are unplugged and plugged in again, at rest and in the middle of things, and a host that sleeps. */
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { PcscError } from '../../src/index.js';
import { logon } from '../../src/piv/index.js';
import { createPivCard, DEFAULT_PIN, type PivCard } from '../../src/testing/virtual/index.js';
import { selectPiv, send, sw } from '../support/piv-host.js';
import { openBridge } from '../support/rig.js';
import { errorOf } from '../support/time.js';
import { patience, readerGone, t0Atr, UsbGuest } from './guest.js';

const guest = await UsbGuest.start();
afterAll(() => guest[Symbol.asyncDispose]());
process.env['PCSCLITE_CSOCK_NAME'] = guest.socket;
const bridge = openBridge();
const session = await bridge.openSession();

const insert = () => createPivCard({ ...guest.address('reader1'), subject: 'Alice', atr: t0Atr });
/** The name has the number of the USB port, which changes when the reader is plugged in again. */
const firstReader = async () => (await session.waitForCard({ timeout: patience })).reader;

async function logOn(): Promise<string> {
  const reader = await firstReader();
  const use = session.transaction(reader, (tx) => logon(tx, DEFAULT_PIN), { timeout: patience });
  return (await use).certificate.subject;
}

const untilReaders = (count: number) =>
  vi.waitFor(async () => expect(await session.listReaders()).toHaveLength(count), { timeout: patience });

let card: PivCard;
beforeEach(async () => {
  card = await insert();
  await firstReader();
});
/** As for a new hand: the reader is there, and empty. */
afterEach(async () => {
  await card.remove();
  await vi.waitFor(
    async () => expect((await session.readerStates()).some(({ state }) => state.present)).toBe(false),
    { timeout: patience },
  );
});

async function plugInAgain(): Promise<void> {
  await card.remove();
  await guest.plugIn('reader1');
  await untilReaders(2);
  card = await insert();
  expect(await logOn()).toBe('CN=Alice');
}

test('a reader that is unplugged and plugged in at rest is listed again, and its next card logs on', async () => {
  expect(await logOn()).toBe('CN=Alice');
  await guest.unplug('reader1');
  await untilReaders(1);
  await vi.waitFor(() => expect(bridge.cache.entries()).toEqual([]), { timeout: patience });
  await plugInAgain();
});

test('a watch reports the card and the reader that go, and that come again', async () => {
  const types: string[] = [];
  const ended = new AbortController();
  const watching = (async () => {
    for await (const event of session.watch({ signal: ended.signal })) types.push(event.type);
  })().catch(() => {});
  await vi.waitFor(() => expect(types).toEqual(['reader-added', 'card-inserted', 'reader-added']));
  types.length = 0;
  await guest.unplug('reader1');
  await vi.waitFor(() => expect(types).toEqual(['card-removed', 'reader-removed']), { timeout: patience });
  types.length = 0;
  await plugInAgain();
  await vi.waitFor(() => expect(types.slice(0, 2)).toEqual(['reader-added', 'card-inserted']));
  ended.abort();
  await watching;
});

test('a reader that is unplugged in a transaction ends it with an error, and works again', async () => {
  const own = await session.connect(await firstReader(), { timeout: patience });
  const error = await errorOf(
    own.transaction(async (tx) => {
      expect(await sw(tx, selectPiv)).toBe(0x9000);
      await guest.unplug('reader1');
      for (;;) await send(tx, selectPiv);
    }),
  );
  expect(error).toMatchObject({ name: 'PcscError', operation: 'SCardTransmit' });
  expect(readerGone).toContain((error as PcscError).code);
  await own.close();
  await untilReaders(1);
  await plugInAgain();
});

test('a reader that goes while the card works on a command ends it with an error, and works again', async () => {
  const own = await session.connect(await firstReader(), { timeout: patience });
  card.faults.responseDelay = 3000;
  const before = card.apduCount;
  const sent = errorOf(own.transmit(selectPiv, { timeout: patience }));
  await vi.waitFor(() => expect(card.apduCount).toBe(before + 1), { timeout: patience });
  // QEMU 7.2 crashes if the device goes in this moment, so the guest's kernel takes it from its driver.
  const device = `/sys/bus/usb/devices/1-${/-(\d+)\) \d\d \d\d$/.exec(own.reader)?.[1]}`;
  await guest.run(`echo 0 >${device}/authorized`);
  expect(await sent).toMatchObject({ name: 'PcscError', operation: 'SCardTransmit' });
  await own.close();
  await untilReaders(1);
  card.faults.clear();
  await guest.run(`echo 1 >${device}/authorized`);
  await untilReaders(2);
  expect(await logOn()).toBe('CN=Alice');
});

test('a card that is removed while it works on a command ends it with an error, and the next card works', async () => {
  const own = await session.connect(await firstReader(), { timeout: patience });
  card.faults.responseDelay = 1000;
  const before = card.apduCount;
  const sent = errorOf(own.transmit(selectPiv, { timeout: patience }));
  await vi.waitFor(() => expect(card.apduCount).toBe(before + 1), { timeout: patience });
  await card.remove();
  expect(await sent).toMatchObject({ name: 'PcscError', operation: 'SCardTransmit' });
  await own.close();
  card = await insert();
  expect(await logOn()).toBe('CN=Alice');
});

test('after the host has slept a cached transaction works, and a watch still reports cards', async () => {
  expect(await logOn()).toBe('CN=Alice');
  const types: string[] = [];
  const watch = session.watch();
  watch.on('event', ({ type }) => types.push(type));
  await vi.waitFor(() => expect(types).toContain('card-inserted'));
  await guest.sleepAndWake();
  expect(await logOn()).toBe('CN=Alice');
  types.length = 0;
  await card.remove();
  await vi.waitFor(() => expect(types).toContain('card-removed'), { timeout: patience });
  watch.close();
});
