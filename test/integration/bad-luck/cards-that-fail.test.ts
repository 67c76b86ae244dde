import { describe, expect, test } from 'vitest';
import type { Transaction } from '../../../src/index.js';
import { createPivCard, PivApplet, PivCard, VirtualCard } from '../../../src/testing/virtual/index.js';
import { logOn, selectPiv, send, sw, verifyPin } from '../../support/piv-host.js';
import { sockets } from '../../support/process.js';
import { forThisTest, openBridge, readerAt, startRig, takeOut } from '../../support/rig.js';
import { durationOf, errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 4 });
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader, port } = readerAt(rig, 0);

type Logon = (action: (tx: Transaction) => Promise<boolean>) => Promise<boolean>;

/** A logon by a card object that is kept, and one through the cache. */
async function waysToLogOn(): Promise<[string, Logon][]> {
  const card = await session.connect(reader);
  return [
    ['card', (action) => card.transaction(action)],
    ['cache', (action) => session.transaction(reader, action)],
  ];
}

describe('a card that is removed in the middle of a logon', () => {
  test.each([1, 2, 3])(
    'at its command number %i causes an error, leaves no entry, and the next card logs on',
    async (n) => {
      const applet = await PivApplet.create();
      let card = await PivCard.insertPiv({ port }, applet);
      const ways = await waysToLogOn();
      await session.transaction(reader, () => {});
      for (const [, logon] of ways) {
        card.faults.removeOnApdu(n);
        const error = await errorOf(logon((tx) => logOn(tx, card)));
        expect(error).toMatchObject({
          name: 'PcscError',
          code: expect.stringMatching(/^SCARD_[EW]_(COMM_DATA_LOST|NOT_TRANSACTED|REMOVED_CARD)$/),
          operation: 'SCardTransmit',
          reader,
        });
        await takeOut(card);
        expect(bridge.cache.entries()).toEqual([]);
        card = await PivCard.insertPiv({ port }, applet);
        expect(await logon((tx) => logOn(tx, card))).toBe(true);
      }
      await takeOut(card);
    },
  );
});

test('a card object whose card was exchanged while it was idle reports one error at most, then works', async () => {
  const first = await createPivCard({ port });
  await using card = await session.connect(reader);
  await card.transmit(selectPiv);
  await takeOut(first);
  const second = await createPivCard({ port });
  await using _out = forThisTest(second);
  await expect(card.transmit(selectPiv)).rejects.toMatchObject({ code: 'SCARD_W_REMOVED_CARD', reader });
  expect(await card.transaction((tx) => logOn(tx, second))).toBe(true);
});

test('a card object whose reader is empty reports that each time, and leaves nothing behind', async () => {
  const first = await createPivCard({ port });
  await using card = await session.connect(reader);
  await takeOut(first);
  await errorOf(card.transmit(selectPiv));
  const before = sockets();
  for (let i = 0; i < 20; i++) {
    await expect(card.transmit(selectPiv)).rejects.toMatchObject({ code: 'SCARD_E_NO_SMARTCARD' });
  }
  expect(sockets()).toBeLessThanOrEqual(before + 1);
});

test('a wait for a mute card ends with its timeout, and its removal frees the reader', async () => {
  const mute = await createPivCard({ port });
  mute.faults.mute = true;
  await using card = await session.connect(reader);
  const attempt = card.transaction((tx) => tx.transmit(selectPiv, { timeout: 100 }));
  expect(await durationOf(attempt)).toBeLessThan(1000);
  await expect(attempt).rejects.toMatchObject({ name: 'TimeoutError', operation: 'SCardTransmit' });
  await takeOut(mute);
  const next = await createPivCard({ port });
  await using _out = forThisTest(next);
  expect(await card.transaction((tx) => logOn(tx, next), { timeout: 5000 })).toBe(true);
});

test('a card with an invalid ATR cannot be connected', async () => {
  const { name, port: elsewhere } = readerAt(rig, 2);
  // An ATR that no ISO 7816 card would have: pcscd reads no protocol in it.
  const card = await VirtualCard.insert({ port: elsewhere, applets: [], atr: Uint8Array.of(0x00, 0x00) });
  await using _out = forThisTest(card);
  const error = await errorOf(session.connect(name, { timeout: 5000 }));
  expect(error).toMatchObject({ name: 'PcscError', code: 'SCARD_E_PROTO_MISMATCH', reader: name });
});

describe('a PIN', () => {
  test('that is wrong is reported with the tries left, and the right one still works', async () => {
    const card = await createPivCard({ port });
    await using _out = forThisTest(card);
    await session.transaction(reader, async (tx) => {
      await send(tx, selectPiv);
      for (const left of [2, 1]) {
        const response = await send(tx, verifyPin('999999'));
        expect(response.retriesLeft).toBe(left);
        expect(response.meaning).toContain(left === 1 ? '1 try left' : '2 tries left');
      }
      expect(await sw(tx, verifyPin())).toBe(0x9000);
    });
  });

  test('that is blocked is reported as blocked, in the next session too', async () => {
    const card = await createPivCard({ port });
    await using _out = forThisTest(card);
    for (let i = 0; i < 4; i++) {
      await session.transaction(reader, async (tx) => {
        await send(tx, selectPiv);
        const response = await send(tx, verifyPin('999999'));
        expect(response.retriesLeft).toBe(Math.max(0, 2 - i));
      });
    }
    await using other = await bridge.openSession({ id: 5, connectTime: 5n });
    await other.transaction(reader, async (tx) => {
      await send(tx, selectPiv);
      const response = await send(tx, verifyPin());
      expect(response).toMatchObject({
        sw: 0x6983,
        retriesLeft: 0,
        meaning: 'authentication method blocked',
      });
    });
  });

  test('never appears in an error', async () => {
    const card = await createPivCard({ port });
    await using _out = forThisTest(card);
    card.faults.removeOnApdu(2);
    const error = await errorOf<Error>(
      session.transaction(reader, async (tx) => {
        await send(tx, selectPiv);
        await tx.transmit(verifyPin('271828'));
      }),
    );
    const { stack, ...rest } = Object.fromEntries(
      Object.getOwnPropertyNames(error).map((name) => [name, String(error[name as keyof Error])]),
    );
    expect(JSON.stringify(rest)).not.toMatch(/271828|32373138/);
    expect(stack).not.toMatch(/271828|32373138/);
  });
});
