/** session.readerStates and session.waitForCard. */
import { describe, expect, test } from 'vitest';
import { createPivCard, PIV_AID } from '../../../src/testing/virtual/index.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession();
const [first, second] = [readerAt(rig, 0), readerAt(rig, 1)];

/** pcscd notices within 400 ms that the card of the previous test was removed. */
async function untilEmpty(): Promise<void> {
  const isEmpty = async () => (await session.readerStates()).every(({ state }) => !state.present);
  await expect.poll(isEmpty, { timeout: 5000 }).toBe(true);
}

test('readerStates lists the readers in the order of listReaders, with the cards in them', async () => {
  await using _card = await createPivCard({ port: second.port });
  const { atr } = await session.waitForCard({ reader: second.name, timeout: 5000 });
  const states = await session.readerStates();
  expect(states.map(({ reader }) => reader)).toEqual(await session.listReaders());
  expect(states).toMatchObject([
    { reader: first.name, atr: undefined, state: { present: false } },
    { reader: second.name, atr, state: { present: true } },
  ]);
});

describe('waitForCard', () => {
  test('resolves when the card is inserted, and at once if it is already there', async () => {
    await untilEmpty();
    const waiting = session.waitForCard({ reader: first.name });
    expect(await staysPending(waiting)).toBe(true);
    await using _card = await createPivCard({ port: first.port });
    const found = await waiting;
    expect(found).toMatchObject({ reader: first.name, state: { present: true } });
    expect(await session.waitForCard({ timeout: 1000 })).toMatchObject({ reader: first.name });
    await using card = await session.connect(found.reader);
    const select = Uint8Array.of(0, 0xa4, 4, 0, PIV_AID.length, ...PIV_AID, 0);
    expect((await card.transmit(select)).slice(-2)).toEqual(Uint8Array.of(0x90, 0));
  });

  test('compares the ATR with the bits of the mask', async () => {
    await using _card = await createPivCard({ port: first.port });
    const { atr } = await session.waitForCard({ reader: first.name, timeout: 5000 });
    const other = atr.map((byte, index) => (index === atr.length - 1 ? byte ^ 0x0f : byte));
    const mask = atr.map((_, index) => (index === atr.length - 1 ? 0xf0 : 0xff));
    expect(await session.waitForCard({ atr, timeout: 1000 })).toMatchObject({ atr });
    expect(await session.waitForCard({ atr: other, mask, timeout: 1000 })).toMatchObject({ atr });
    expect(await errorOf(session.waitForCard({ atr: other, timeout: 50 }))).toMatchObject({
      name: 'TimeoutError',
      message: 'waitForCard did not end within 50 ms; no such card was inserted',
    });
    expect(await errorOf(session.waitForCard({ mask }))).toBeInstanceOf(TypeError);
    expect(await errorOf(session.waitForCard({ atr, mask: mask.slice(1) }))).toBeInstanceOf(RangeError);
  });

  test('ends with its signal and with its session', async () => {
    const controller = new AbortController();
    const own = await bridge.openSession();
    const aborted = errorOf(session.waitForCard({ signal: controller.signal }));
    const closed = errorOf(own.waitForCard());
    controller.abort();
    await own.close();
    expect(await aborted).toMatchObject({ name: 'AbortError' });
    expect(await closed).toMatchObject({ code: 'BRIDGE_E_CLOSED' });
  });

  test('continues when the service restarts', async () => {
    await untilEmpty();
    const waiting = session.waitForCard({ reader: first.name, timeout: 20_000 });
    await rig.killDaemon();
    expect(await staysPending(waiting)).toBe(true);
    await rig.restartDaemon();
    await using _card = await createPivCard({ port: first.port });
    expect(await waiting).toMatchObject({ reader: first.name });
  });
});

test('readerStates reports that the service does not run', async () => {
  await rig.killDaemon();
  expect(await errorOf(session.readerStates({ timeout: 5000 }))).toMatchObject({
    code: 'SCARD_E_NO_SERVICE',
  });
  await rig.restartDaemon();
});
