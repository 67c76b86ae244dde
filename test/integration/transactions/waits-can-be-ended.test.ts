import { describe, expect, test, vi } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { sockets, threads } from '../../support/process.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const virtual = await insertPiv(rig);
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader } = readerAt(rig);
const card = await session.connect(reader);

/** Operations that wait for the card, each with a check that it works afterwards. */
const waits = [
  ['connect', (options) => session.connect(reader, options).then((one) => one.close())],
  ['transmit', (options) => card.transmit(selectPiv, options)],
  ['status', (options) => card.status(options)],
  ['transaction', (options) => card.transaction((tx) => tx.transmit(selectPiv), options)],
  ['cached transaction', (options) => session.transaction(reader, (tx) => tx.transmit(selectPiv), options)],
] as [string, (options: { timeout?: number; signal?: AbortSignal }) => Promise<unknown>][];

describe.each([
  ['behind another process’s transaction', holdOutside],
  ['behind a transaction of this process', holdInside],
])('%s', (_, hold) => {
  test.each(waits)('%s ends with its signal, at once, and works afterwards', async (_name, wait) => {
    await using held = await hold();
    const abort = new AbortController();
    const error = errorOf(wait({ signal: abort.signal }));
    expect(await staysPending(error)).toBe(true);
    abort.abort('changed my mind');
    expect(await error).toMatchObject({ name: 'AbortError', cause: 'changed my mind', reader });
    await held.release();
    await wait({ timeout: 5000 });
  });

  test.each(waits)('%s ends with its timeout, and works afterwards', async (_name, wait) => {
    await using held = await hold();
    const start = performance.now();
    expect(await errorOf(wait({ timeout: 100 }))).toMatchObject({
      name: 'TimeoutError',
      timeout: 100,
      reader,
    });
    expect(performance.now() - start).toBeGreaterThan(95);
    await held.release();
    await wait({ timeout: 5000 });
  });

  test('a command that is aborted while it waits never reaches the card', async () => {
    const closing = await session.connect(reader);
    const before = sockets();
    await using held = await hold();
    const apdus = virtual.apduCount;
    expect(await errorOf(card.transmit(selectPiv, { timeout: 50 }))).toMatchObject({ name: 'TimeoutError' });
    expect(await errorOf(card.exchange(selectPiv, { timeout: 50 }))).toMatchObject({ name: 'TimeoutError' });
    const closed = errorOf(closing.transmit(selectPiv));
    expect(await staysPending(closed)).toBe(true);
    await closing.close();
    expect(await closed).toMatchObject({ code: 'BRIDGE_E_CLOSED' });
    await held.release();
    // No operation is in progress that could still send.
    await vi.waitFor(() => expect(sockets()).toBeLessThan(before), { timeout: 5000 });
    expect(virtual.apduCount).toBe(apdus);
  });

  test('an aborted operation does not block the others', async () => {
    await using held = await hold();
    const abort = new AbortController();
    const before = card.transaction(() => 'before');
    const given = errorOf(card.transaction(() => 'given up', { signal: abort.signal }));
    const transmit = errorOf(card.transmit(selectPiv, { signal: abort.signal }));
    const after = card.transaction(() => 'after');
    expect(await staysPending(Promise.race([before, given, transmit, after]))).toBe(true);
    abort.abort();
    expect(await given).toMatchObject({ name: 'AbortError' });
    expect(await transmit).toMatchObject({ name: 'AbortError' });
    await held.release();
    expect(await before).toBe('before');
    expect(await after).toBe('after');
  });

  test('commands queued behind an aborted one are still sent', async () => {
    await using held = await hold();
    const given = errorOf(card.transmit(selectPiv, { timeout: 50 }));
    const queued = [sw(card, selectPiv), sw(card, selectPiv)];
    expect(await given).toMatchObject({ name: 'TimeoutError' });
    await held.release();
    expect(await Promise.all(queued)).toEqual([0x9000, 0x9000]);
  });
});

test('with a signal that was already aborted, nothing is begun', async () => {
  const apdus = virtual.apduCount;
  for (const [, wait] of waits) {
    expect(await errorOf(wait({ signal: AbortSignal.abort() }))).toMatchObject({ name: 'AbortError' });
  }
  expect(virtual.apduCount).toBe(apdus);
});

test('AbortSignal.timeout rejects with a TimeoutError', async () => {
  await using held = await holdOutside();
  const error = await errorOf(card.transaction(() => {}, { signal: AbortSignal.timeout(50) }));
  expect(error).toMatchObject({ name: 'TimeoutError', cause: { name: 'TimeoutError' } });
  await held.release();
});

describe('a transmit to a slow card', () => {
  /** Milliseconds. */
  const slow = 1000;

  test('ends with its timeout, and the card object works again', async () => {
    virtual.faults.responseDelay = slow;
    const start = performance.now();
    const error = await errorOf(card.transmit(selectPiv, { timeout: 50 }));
    expect(error).toMatchObject({ name: 'TimeoutError', operation: 'SCardTransmit' });
    expect(performance.now() - start).toBeLessThan(slow - 100);
    virtual.faults.clear();
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });

  test('ends with its signal, and the card object works again', async () => {
    virtual.faults.responseDelay = slow;
    const controller = new AbortController();
    const sent = virtual.apduCount;
    const aborted = errorOf(card.transmit(selectPiv, { signal: controller.signal }));
    // The card works on the command.
    await vi.waitFor(() => expect(virtual.apduCount).toBe(sent + 1));
    const start = performance.now();
    controller.abort();
    expect(await aborted).toMatchObject({ name: 'AbortError', operation: 'SCardTransmit' });
    expect(performance.now() - start).toBeLessThan(slow - 100);
    virtual.faults.clear();
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });

  test('ends with its timeout in a transaction, and ends the transaction', async () => {
    virtual.faults.responseDelay = slow;
    const start = performance.now();
    const error = await errorOf(card.transaction((tx) => tx.transmit(selectPiv, { timeout: 50 })));
    expect(error).toMatchObject({ name: 'TimeoutError' });
    expect(performance.now() - start).toBeLessThan(slow - 100);
    virtual.faults.clear();
    expect(await card.transaction((tx) => sw(tx, selectPiv))).toBe(0x9000);
  });

  test('ends with its timeout in a cached transaction, and evicts the entry', async () => {
    virtual.faults.responseDelay = slow;
    const lookup = await session.transaction(reader, ({ lookup }) => lookup);
    const error = await errorOf(session.transaction(reader, (tx) => tx.transmit(selectPiv, { timeout: 50 })));
    expect(error).toMatchObject({ name: 'TimeoutError' });
    virtual.faults.clear();
    await session.transaction(reader, async (tx) => {
      expect(tx.lookup?.entry.id).not.toBe(lookup?.entry.id);
      expect(await sw(tx, selectPiv)).toBe(0x9000);
    });
    expect(bridge.cache.entries()).toHaveLength(1);
  });

  test('that times out makes later operations of its transaction fail with BRIDGE_E_ABANDONED', async () => {
    virtual.faults.responseDelay = 300;
    const error = await errorOf(
      card.transaction(async (tx) => {
        await errorOf(tx.transmit(selectPiv, { timeout: 50 }));
        await expect(tx.transmit(selectPiv)).rejects.toMatchObject({ code: 'BRIDGE_E_ABANDONED' });
      }),
    );
    expect(error).toMatchObject({ code: 'BRIDGE_E_ABANDONED' });
    virtual.faults.clear();
    expect(await sw(card, selectPiv)).toBe(0x9000);
  });
});

test('after 100 aborted waits nothing is left once the holder has ended its transaction', async () => {
  const idle = async () => {
    await card.transmit(selectPiv);
    await session.transaction(reader, () => {});
  };
  await idle();
  // Free threads end after 5 seconds.
  await vi.waitFor(() => expect(threads()).toBeLessThan(25), { timeout: 10_000 });
  const before = { sockets: sockets(), threads: threads() };
  await using held = await holdOutside();
  for (let round = 0; round < 10; round++) {
    await Promise.all(waits.map(([, wait]) => errorOf(wait({ timeout: 20 }))));
    await Promise.all(waits.map(([, wait]) => errorOf(wait({ signal: AbortSignal.timeout(10) }))));
  }
  expect(sockets()).toBeGreaterThan(before.sockets);
  await held.release();
  await idle();
  await vi.waitFor(() => expect(sockets()).toBeLessThanOrEqual(before.sockets), { timeout: 10_000 });
  await vi.waitFor(() => expect(threads()).toBeLessThanOrEqual(before.threads), { timeout: 10_000 });
  expect(bridge.cache.entries()).toHaveLength(1);
}, 40_000);

/** The card is held until this is released. */
interface Held extends AsyncDisposable {
  release(): Promise<void>;
}

function holdOutside(): Promise<Held> {
  return CardHold.start(reader);
}

async function holdInside(): Promise<Held> {
  const holder = await session.connect(reader);
  const transaction = await holder.beginTransaction();
  const release = async () => {
    await transaction.end();
    await holder.close();
  };
  return { release, [Symbol.asyncDispose]: release };
}
