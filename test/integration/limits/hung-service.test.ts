import { afterAll, expect, test } from 'vitest';
import { selectPiv, sw } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { continueProcess, stopProcess } from '../../support/stop-process.js';
import { errorOf } from '../../support/time.js';
import { daemonOf, growth, usage } from '../../support/usage.js';
import { listWithPcscScan } from '../rig/helpers.js';

const rig = await startRig({ slots: 4 });
await insertPiv(rig, 0);
await insertPiv(rig, 2);
const daemon = daemonOf(rig);
const readers = rig.readers.map(({ name }) => name);
const { name: reader } = readerAt(rig, 0);
const { name: other } = readerAt(rig, 2);
const bridge = openBridge();
const session = await bridge.openSession();
// A stopped process does not end before it is continued.
afterAll(() => continueProcess(daemon));

test('calls that time out while pcscd hangs do not cost a thread or a descriptor each', {
  timeout: 60_000,
}, async () => {
  // What the first use allocates for good.
  await session.listReaders();
  const card = await session.connect(reader);
  await session.transaction(other, (transaction) => transaction.transmit(selectPiv));
  const before = usage(daemon);
  const stopped = performance.now();
  await stopProcess(daemon);
  try {
    for (let i = 0; i < 300; i++) {
      expect(await errorOf(session.listReaders({ timeout: 20 }))).toMatchObject({ name: 'TimeoutError' });
    }
    for (let i = 0; i < 230; i++) {
      const target = i % 2 === 0 ? reader : other;
      expect(await errorOf(session.connect(target, { timeout: 20 }))).toMatchObject({ name: 'TimeoutError' });
    }
    expect(performance.now() - stopped).toBeGreaterThan(10_000);
    // One stuck call per reader, and one for questions.
    expect(growth(before, usage(daemon), readers.length + 2)).toEqual({});
  } finally {
    continueProcess(daemon);
  }
  expect((await session.listReaders()).sort()).toEqual([...readers].sort());
  expect(await sw(card, selectPiv)).toBe(0x9000);
  expect(await session.transaction(other, (transaction) => sw(transaction, selectPiv))).toBe(0x9000);
  const another = await session.connect(other);
  expect(await sw(another, selectPiv)).toBe(0x9000);
  await another.close();
  expect(await listWithPcscScan(rig)).toEqual(readers);
  await expect.poll(() => growth(before, usage(daemon), 2), { timeout: 15_000 }).toEqual({});
  await card.close();
});
