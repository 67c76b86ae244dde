import { existsSync } from 'node:fs';
import { expect, test, vi } from 'vitest';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const reader = readerAt(rig);
const empty = readerAt(rig, 1);
await insertPiv(rig);
const session = await openBridge().openSession();

test('another process has the card until release', async () => {
  const hold = await rig.hold(reader);
  const use = () => session.transaction(reader.name, () => 'used', { timeout: 300 });
  await expect(use()).rejects.toMatchObject({ name: 'TimeoutError' });
  expect(existsSync(`/proc/${hold.pid}`)).toBe(true);
  await hold.release();
  await hold.release();
  expect(await hold.released).toBeGreaterThan(hold.since);
  expect(existsSync(`/proc/${hold.pid}`)).toBe(false);
  expect(await use()).toBe('used');
});

test('a reader can be given by its name, and the hold ends with its block', async () => {
  const use = () => session.transaction(reader.name, () => 'used', { timeout: 300 });
  {
    await using _hold = await rig.hold(reader.name);
    await expect(use()).rejects.toMatchObject({ name: 'TimeoutError' });
  }
  expect(await use()).toBe('used');
});

test('without a card', async () => {
  await expect(rig.hold(empty)).rejects.toMatchObject({
    name: 'RigError',
    code: 'RIG_HOLD_FAILED',
    message: expect.stringMatching(
      /No process can hold a card in "Virtual Reader A 00 01".*SCARD_E_NO_SMARTCARD/s,
    ),
  });
});

test('while another process holds the card: a timeout and a signal', async () => {
  await using _first = await rig.hold(reader);
  await expect(rig.hold(reader, { timeout: 300 })).rejects.toMatchObject({
    code: 'RIG_HOLD_FAILED',
    message: expect.stringContaining('another program still has the card after 300 ms'),
  });
  const reason = new Error('enough');
  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 100);
  await expect(rig.hold(reader, { signal: controller.signal })).rejects.toBe(reason);
});

test('a card that is removed ends the hold with an error', async () => {
  const card = await createPivCard({ port: empty.port });
  const hold = await rig.hold(empty);
  await card.remove();
  await hold.release();
  await expect(hold.released).rejects.toMatchObject({ code: 'RIG_HOLD_FAILED' });
});

test('without the program', async () => {
  vi.resetModules();
  vi.doMock('../../../src/native/programs.js', () => ({ findHolder: () => undefined }));
  const { CardHold } = await import('../../../src/testing/rig/hold.js');
  await expect(CardHold.start(reader.name)).rejects.toMatchObject({
    code: 'RIG_PARTS_MISSING',
    message: expect.stringContaining('pcsc-holder is missing'),
  });
  vi.doUnmock('../../../src/native/programs.js');
});
