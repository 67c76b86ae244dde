/** card.beginTransaction: a transaction that lasts until its end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { selectPiv, verifyPin } from '../../../src/piv/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const pin = '314159';
const rig = await startRig({ slots: 1 });
const piv = await insertPiv(rig, 0, { pin });
const bridge = openBridge();
const session = await bridge.openSession();
const { name } = readerAt(rig);
const card = await session.connect(name);
const isVerified = () => piv.piv.pin.verified;

async function logOn(tx: Parameters<typeof selectPiv>[0]): Promise<void> {
  await selectPiv(tx);
  await verifyPin(tx, pin);
}

test('beginTransaction holds the card until end(), which applies the given disposition', async () => {
  const tx = await card.beginTransaction();
  await logOn(tx);
  const other = session.transaction(name, () => 'the other');
  expect(await staysPending(other)).toBe(true);
  await tx.end();
  expect(isVerified()).toBe(true);
  expect(await other).toBe('the other');

  const second = await card.beginTransaction({ disposition: 'reset' });
  await logOn(second);
  await second.end();
  expect(isVerified()).toBe(false);
});

test('await using resets the card if end() was not called', async () => {
  await expect(
    (async () => {
      await using tx = await card.beginTransaction();
      await logOn(tx);
      throw new Error('in the middle');
    })(),
  ).rejects.toThrow('in the middle');
  expect(isVerified()).toBe(false);
  await card.transaction(() => {});
});

test('await using leaves the card alone after end()', async () => {
  {
    await using tx = await card.beginTransaction();
    await logOn(tx);
    await tx.end();
  }
  expect(isVerified()).toBe(true);
});

test('after end() every operation is an error, and a second end() does nothing', async () => {
  const tx = await card.beginTransaction();
  await tx.end('reset');
  await tx.end();
  expect(await errorOf(tx.transmit(Uint8Array.of(0, 0xa4, 4, 0)))).toMatchObject({ code: 'BRIDGE_E_CLOSED' });
});

test('other operations on the card wait until the transaction ends', async () => {
  const tx = await card.beginTransaction();
  const status = card.status();
  expect(await staysPending(status)).toBe(true);
  await tx.end();
  expect(await status).toMatchObject({ state: expect.any(String) });
});

test('a timeout in the queue of the card says that this program has it', async () => {
  await using tx = await card.beginTransaction();
  expect(await errorOf(card.transaction(() => {}, { timeout: 30.4 }))).toMatchObject({
    name: 'TimeoutError',
    message: expect.stringMatching(
      /^SCardBeginTransaction on ".*" did not end within 30 ms; a transaction of this program on the same Card object/,
    ),
  });
  await tx.end();
});

test('an idle transaction ends after its idleTimeout', async () => {
  const tx = await card.beginTransaction({ idleTimeout: 100 });
  await logOn(tx);
  await card.transaction(() => {}, { timeout: 5000 });
  expect(isVerified()).toBe(false);
  expect(await errorOf(tx.transmit(Uint8Array.of(0, 0xa4, 4, 0)))).toMatchObject({
    code: 'SCARD_W_RESET_CARD',
    message: expect.stringContaining('was not used for 100 ms'),
  });
});

test('beginTransaction is rejected inside the callback of a transaction on the same card', async () => {
  await card.transaction(async () => {
    expect(await errorOf(card.beginTransaction())).toMatchObject({ code: 'BRIDGE_E_NESTED' });
  });
});

test('the transaction is counted in bridge.stats()', async () => {
  const { transactions: before } = bridge.stats();
  const tx = await card.beginTransaction();
  expect(bridge.stats().transactions.running).toBe(before.running + 1);
  await tx.end();
  await sleep(0);
  expect(bridge.stats().transactions.running).toBe(before.running);
});
