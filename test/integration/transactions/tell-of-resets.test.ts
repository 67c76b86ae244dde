import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { killHolder } from '../../support/holder.js';
import { pinStatus, selectPiv, sw, verifyPin } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const run = promisify(execFile);
const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);

const wasReset = (tx: { cardWasReset: boolean }) => tx.cardWasReset;

test('cardWasReset is false without a reset', async () => {
  await using card = await session.connect(reader);
  for (let i = 0; i < 3; i++) expect(await card.transaction(wasReset)).toBe(false);
});

test('cardWasReset is false after a reset by this card object', async () => {
  await using card = await session.connect(reader);
  await card.transaction((tx) => tx.transmit(selectPiv), { disposition: 'reset' });
  expect(await card.transaction(wasReset)).toBe(false);
});

describe('the next transaction reports, once, a reset', () => {
  test('by another card of this process', async () => {
    await using card = await session.connect(reader);
    await using other = await session.connect(reader);
    await other.reconnect({ initialization: 'reset' });
    expect(await card.transaction(wasReset)).toBe(true);
    expect(await card.transaction(wasReset)).toBe(false);
  });

  test('by another process', async () => {
    await using card = await session.connect(reader);
    await run('opensc-tool', ['--reset', '--reader', '0'], { env: { ...process.env, ...rig.env } });
    expect(await card.transaction(wasReset)).toBe(true);
    expect(await card.transaction(wasReset)).toBe(false);
  });

  test('by the death of a process in a transaction', async () => {
    await using card = await session.connect(reader);
    const holder = await CardHold.start(reader);
    const told = card.transaction(wasReset);
    await killHolder(holder);
    expect(await told).toBe(true);
  });

  test('that another operation has already reported', async () => {
    await using card = await session.connect(reader);
    await using other = await session.connect(reader);
    await other.reconnect({ initialization: 'reset' });
    await expect(card.status()).rejects.toMatchObject({ code: 'SCARD_W_RESET_CARD' });
    expect(await card.transaction(wasReset)).toBe(true);
    expect(await card.transaction(wasReset)).toBe(false);
  });
});

test('a cached card that another program reset is connected again, and its PIN counts as not verified', async () => {
  const logOn = (tx: { transmit(apdu: Uint8Array): Promise<Uint8Array> }) => sw(tx, verifyPin());
  await session.transaction(reader, async (tx) => {
    await tx.transmit(selectPiv);
    expect(await logOn(tx)).toBe(0x9000);
  });
  await using other = await session.connect(reader);
  await other.reconnect({ initialization: 'reset' });
  await session.transaction(reader, async (tx) => {
    expect(tx.lookup?.fresh).toBe(true);
    expect(tx.lookup?.evaluated).toMatchObject([{ valid: false }]);
    expect(await sw(tx, pinStatus)).not.toBe(0x9000);
  });
});
