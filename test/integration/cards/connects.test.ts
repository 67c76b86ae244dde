import { describe, expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { buildAtr, createPivCard, VirtualCard } from '../../../src/testing/virtual/index.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { forThisTest, insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 4 });
const virtual = await insertPiv(rig, 0);
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader } = readerAt(rig, 0);
const empty = readerAt(rig, 1);

test('a card connects, reports its ATR and protocol, and responds', async () => {
  await using card = await session.connect(reader);
  expect(card.reader).toBe(reader);
  expect(card.protocol).toBe('T=1');
  expect(await card.status()).toEqual({ state: expect.any(String), protocol: 'T=1', atr: virtual.atr });
  expect(await sw(card, selectPiv)).toBe(0x9000);
});

describe('protocols', () => {
  test('a protocol that the card does not support is rejected', async () => {
    await expect(session.connect(reader, { protocols: ['T=0'] })).rejects.toMatchObject({
      name: 'PcscError',
      code: 'SCARD_E_PROTO_MISMATCH',
      value: 0x8010000f,
      operation: 'SCardConnect',
      reader,
    });
  });

  test('the only protocol that the card supports is used', async () => {
    const { name, port } = readerAt(rig, 2);
    const t0 = await VirtualCard.insert({ port, applets: [], atr: buildAtr({ protocols: ['T=0'] }) });
    await using _out = forThisTest(t0);
    await using card = await session.connect(name);
    expect(card.protocol).toBe('T=0');
  });
});

describe('share modes', () => {
  test('shared: several connections on one reader', async () => {
    const cards = await Promise.all(Array.from({ length: 8 }, () => session.connect(reader)));
    for (const card of cards) expect(await sw(card, selectPiv)).toBe(0x9000);
    await Promise.all(cards.map((card) => card.close()));
  });

  test('exclusive: no other program gets the card until it is closed', async () => {
    const card = await session.connect(reader, { shareMode: 'exclusive' });
    for (const shareMode of ['shared', 'exclusive'] as const) {
      await expect(session.connect(reader, { shareMode })).rejects.toMatchObject({
        code: 'SCARD_E_SHARING_VIOLATION',
        message: expect.stringContaining(reader),
      });
    }
    expect(await sw(card, selectPiv)).toBe(0x9000);
    await card.close();
    await using _next = await session.connect(reader, { shareMode: 'exclusive' });
  });

  test('direct: connects to an empty reader, without a protocol', async () => {
    await using card = await session.connect(empty.name, { shareMode: 'direct' });
    expect(card.protocol).toBeUndefined();
  });
});

describe('a connect that fails', () => {
  test('reports that the reader has no card', async () => {
    await expect(session.connect(empty.name)).rejects.toMatchObject({
      code: 'SCARD_E_NO_SMARTCARD',
      reader: empty.name,
      message: expect.stringMatching(/There is no card in the reader/),
    });
  });

  test('reports that the reader does not exist', async () => {
    await expect(session.connect('No Such Reader')).rejects.toMatchObject({
      code: 'SCARD_E_UNKNOWN_READER',
      reader: 'No Such Reader',
      message: expect.stringMatching(/no reader of this name/),
    });
  });

  test('leaves the next connect working', async () => {
    await expect(session.connect(empty.name)).rejects.toThrow();
    await using card = await session.connect(reader);
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });

  test('succeeds once the card is inserted', async () => {
    await expect(session.connect(empty.name)).rejects.toMatchObject({ code: 'SCARD_E_NO_SMARTCARD' });
    const late = await createPivCard({ port: empty.port });
    await using _out = forThisTest(late);
    await using card = await session.connect(empty.name);
    expect((await card.status()).atr).toEqual(late.atr);
  });
});

test('a connect behind another process’s transaction ends with its timeout, and works afterwards', async () => {
  await using holder = await CardHold.start(reader);
  await expect(session.connect(reader, { timeout: 50 })).rejects.toMatchObject({
    name: 'TimeoutError',
    operation: 'SCardConnect',
    reader,
    timeout: 50,
    message: `SCardConnect on "${reader}" did not end within 50 ms; another program may hold the card`,
  });
  await holder.release();
  await using card = await session.connect(reader, { timeout: 5000 });
  expect(await sw(card, selectPiv)).toBe(0x9000);
});
