import { beforeEach, describe, expect, test, vi } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { PivApplet, PivCard } from '../../../src/testing/virtual/index.js';
import { killHolder } from '../../support/holder.js';
import { logOn, selectPiv, sw } from '../../support/piv-host.js';
import { sockets } from '../../support/process.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader, port } = readerAt(rig);
const applet = await PivApplet.create();
let virtual = await PivCard.insertPiv({ port }, applet);
const card = await session.connect(reader);

/** The errors of the library if its daemon ended. */
// SCardEstablishContext may return the last one while pcscd 1.9.9 is being killed.
const gone = {
  name: 'PcscError',
  code: expect.stringMatching(
    /^SCARD_(E_NO_SERVICE|E_INVALID_HANDLE|F_COMM_ERROR|E_SERVICE_STOPPED|W_SECURITY_VIOLATION)$/,
  ),
};

async function kill(): Promise<void> {
  await rig.killDaemon();
  await virtual.closed;
}

async function restart(): Promise<void> {
  await rig.restartDaemon();
  virtual = await PivCard.insertPiv({ port }, applet);
}

/** Everything works again; a card object may report once that it lost its daemon. */
async function expectRecovery(): Promise<void> {
  await card.status({ timeout: 5000 }).catch((error) => expect(error).toMatchObject(gone));
  expect(await sw(card, selectPiv)).toBe(0x9000);
  expect(await card.transaction((tx) => logOn(tx, virtual), { timeout: 5000 })).toBe(true);
  expect(await session.transaction(reader, (tx) => logOn(tx, virtual), { timeout: 5000 })).toBe(true);
  expect(await session.listReaders()).toContain(reader);
  expect(bridge.cache.entries()).toHaveLength(1);
}

beforeEach(async () => {
  await session.transaction(reader, () => {});
});

test('the service dies while everything is idle', async () => {
  await kill();
  await restart();
  await expectRecovery();
});

test('the service dies and stays away for a while: calls fail at once, then work again', async () => {
  await kill();
  for (let i = 0; i < 5; i++) {
    expect(await errorOf(card.transmit(selectPiv, { timeout: 2000 }))).toMatchObject(gone);
    expect(await errorOf(session.transaction(reader, () => {}, { timeout: 2000 }))).toMatchObject(gone);
  }
  expect(bridge.cache.entries()).toEqual([]);
  await restart();
  await expectRecovery();
});

describe('the service dies in the middle of', () => {
  test('a transmit', async () => {
    virtual.faults.responseDelay = 5000;
    const arrived = virtual.apduCount;
    const transmit = errorOf(card.transmit(selectPiv));
    const cached = errorOf(session.transaction(reader, (tx) => tx.transmit(selectPiv)));
    await vi.waitFor(() => expect(virtual.apduCount).toBe(arrived + 1));
    expect(bridge.stats().transactions.waiting).toBe(1);
    await kill();
    expect(await transmit).toMatchObject({ ...gone, operation: 'SCardTransmit' });
    expect(await cached).toMatchObject(gone);
    virtual.faults.clear();
    await restart();
    await expectRecovery();
  });

  test('a transaction', async () => {
    const error = await errorOf(
      card.transaction(async (tx) => {
        expect(await sw(tx, selectPiv)).toBe(0x9000);
        await kill();
        await tx.transmit(selectPiv);
      }),
    );
    expect(error).toMatchObject({ ...gone, operation: 'SCardTransmit' });
    await restart();
    await expectRecovery();
  });

  test('a cached transaction whose callback does not fail', async () => {
    const error = await errorOf(session.transaction(reader, kill));
    expect(error).toMatchObject({ ...gone, operation: 'SCardEndTransaction' });
    expect(bridge.cache.entries()).toEqual([]);
    await restart();
    await expectRecovery();
  });

  test('a wait for another process’s transaction', async () => {
    const holder = await CardHold.start(reader);
    const waits = [
      errorOf(session.connect(reader)),
      errorOf(card.transaction(() => {})),
      errorOf(session.transaction(reader, () => {})),
      errorOf(card.transmit(selectPiv)),
    ];
    expect(await staysPending(Promise.race(waits))).toBe(true);
    await kill();
    for (const error of await Promise.all(waits)) expect(error).toMatchObject(gone);
    await killHolder(holder);
    await restart();
    await expectRecovery();
  });

  test('a watch', async () => {
    await using watch = session.watch();
    const types: string[] = [];
    const loop = (async () => {
      for await (const { type } of watch) types.push(type);
    })();
    await vi.waitFor(() => expect(types).toContain('card-inserted'));
    await kill();
    await vi.waitFor(() => expect(types).toContain('service-lost'));
    await restart();
    await vi.waitFor(() => expect(types).toContain('service-restored'), { timeout: 5000 });
    watch.close();
    await loop;
    await expectRecovery();
  });
});

test('five deaths of the service leave no sockets behind', async () => {
  const before = sockets();
  for (let times = 0; times < 5; times++) {
    await kill();
    await errorOf(card.transmit(selectPiv));
    await restart();
    await expectRecovery();
  }
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before + 2), { timeout: 5000 });
});
