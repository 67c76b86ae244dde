import { describe, expect, test } from 'vitest';
import type { Disposition } from '../../../src/index.js';
import { pinStatus, selectPiv, sw, verifyPin } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);

async function connectVerified() {
  const card = await session.connect(reader);
  await card.transmit(selectPiv);
  expect(await sw(card, verifyPin())).toBe(0x9000);
  return card;
}

/** Whether the PIN is still verified on the card. Does not select, because that would reset the status. */
async function isVerified(): Promise<boolean> {
  await using card = await session.connect(reader);
  return (await sw(card, pinStatus)) === 0x9000;
}

describe('disconnect', () => {
  test.each([
    ['leave', true],
    ['reset', false],
    ['unpower', false],
  ] as const)('%s: is the PIN still verified? %s', async (disposition, verified) => {
    const card = await connectVerified();
    await card.disconnect(disposition);
    expect(await isVerified()).toBe(verified);
  });

  test('close leaves the card as it is', async () => {
    const card = await connectVerified();
    await card.close();
    expect(await isVerified()).toBe(true);
  });

  test('eject, which this reader does not support, resolves', async () => {
    const card = await connectVerified();
    await card.disconnect('eject');
    await using _next = await session.connect(reader);
  });
});

describe('reconnect', () => {
  test.each([
    ['leave', 0x9000],
    ['reset', 0x6d00],
    ['unpower', 0x6d00],
  ] as [Disposition, number][])('with %s: the PIN’s state is then %i', async (initialization, expected) => {
    await using card = await connectVerified();
    await card.reconnect({ initialization });
    expect(await sw(card, pinStatus)).toBe(expected);
  });

  test('changes the share mode', async () => {
    await using card = await session.connect(reader);
    await card.reconnect({ shareMode: 'exclusive' });
    await expect(session.connect(reader)).rejects.toMatchObject({ code: 'SCARD_E_SHARING_VIOLATION' });
    await card.reconnect({ shareMode: 'shared' });
    await using _other = await session.connect(reader);
  });

  test('to exclusive waits for the other connections, and changes nothing if it is aborted', async () => {
    const other = await session.connect(reader);
    await using card = await session.connect(reader);
    await expect(card.reconnect({ shareMode: 'exclusive', timeout: 100 })).rejects.toMatchObject({
      name: 'TimeoutError',
      operation: 'SCardReconnect',
    });
    expect(await sw(card, selectPiv)).toBe(0x9000);
    await other.close();
    await using _third = await session.connect(reader, { timeout: 5000 });
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });

  test('turns a direct connection into one with a protocol', async () => {
    await using card = await session.connect(reader, { shareMode: 'direct' });
    await card.reconnect({ shareMode: 'shared', protocols: ['T=1'] });
    expect(card.protocol).toBe('T=1');
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });
});

describe('after a reset by another program', () => {
  test('the next operation reports it, and the one after works', async () => {
    await using card = await connectVerified();
    await using other = await session.connect(reader);
    await other.reconnect({ initialization: 'reset' });
    await expect(card.transmit(pinStatus)).rejects.toMatchObject({
      code: 'SCARD_W_RESET_CARD',
      operation: 'SCardTransmit',
      reader,
    });
    expect(await sw(card, selectPiv)).toBe(0x9000);
    expect(await sw(card, pinStatus)).toBe(0x63c3);
  });
});
