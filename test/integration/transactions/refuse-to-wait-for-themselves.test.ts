import { describe, expect, test } from 'vitest';
import { selectPiv } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { deferred } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig, 0);
await insertPiv(rig, 1);
const bridge = openBridge();
const session = await bridge.openSession();
const stranger = await bridge.openSession({ id: 77, connectTime: 77n });
const { name: reader } = readerAt(rig, 0);
const { name: elsewhere } = readerAt(rig, 1);
const cardId = new Uint8Array(16).fill(7);

const card = await session.connect(reader);
const sibling = await session.connect(reader);

const nested = {
  name: 'PcscError',
  code: 'BRIDGE_E_NESTED',
  reader,
  message: expect.stringContaining('would wait for itself'),
};

const outer = [
  ['a transaction on a card', card.transaction.bind(card)],
  ['a cached transaction', session.transaction.bind(session, { reader, cardId })],
] as [string, typeof card.transaction][];

describe.each(outer)('inside %s', (_, transaction) => {
  test.each([
    ['a transaction on another card object for it', () => sibling.transaction(() => {})],
    ['a command to another card object for it', () => sibling.transmit(selectPiv)],
    ['a connect to it', () => session.connect(reader)],
    ['a cached transaction on it', () => session.transaction(reader, () => {})],
    ['one by card id alone', () => session.transaction({ cardId }, () => {})],
    ['one of another session', () => stranger.transaction(reader, () => {})],
    ['a lookup in the cache', () => bridge.cache.acquire(stranger.identity, reader)],
  ])('%s is rejected at once', async (_name, attempt) => {
    await session.transaction({ reader, cardId }, () => {});
    await transaction(() => expect(attempt()).rejects.toMatchObject(nested));
  });

  test('an uncaught error of such a call is the error of the whole transaction', async () => {
    await expect(transaction(() => sibling.transmit(selectPiv).then(() => {}))).rejects.toMatchObject(nested);
  });

  test('another reader’s card is available', async () => {
    await transaction(async () => {
      await using other = await session.connect(elsewhere);
      await other.transaction((tx) => tx.transmit(selectPiv));
      await session.transaction(elsewhere, (tx) => tx.transmit(selectPiv));
    });
  });

  test('an operation that the callback left running gets the card after the transaction', async () => {
    const { promise: given, resolve: proceed } = deferred();
    let later: Promise<string> | undefined;
    await transaction(() => {
      later = given.then(() => sibling.transaction(() => 'later'));
    });
    proceed();
    expect(await later).toBe('later');
  });
});

test('a transaction within one on the same card object is rejected at once', async () => {
  await expect(card.transaction(() => card.transaction(() => {}))).rejects.toMatchObject(nested);
  expect(await card.transaction(() => 'again', { timeout: 2000 })).toBe('again');
});
