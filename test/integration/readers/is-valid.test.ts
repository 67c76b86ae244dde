import { expect, test } from 'vitest';
import { openBridge, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession();
const names = rig.readers.map(({ name }) => name);

test('isValid() returns true while the service runs', async () => {
  expect(await session.isValid()).toBe(true);
  expect(await session.listReaders()).toEqual(names);
  expect(await session.isValid()).toBe(true);
});

test('isValid() returns false after the service died, until another one has started', async () => {
  await rig.killDaemon();
  expect(await session.isValid()).toBe(false);
  expect(await session.isValid()).toBe(false);
  await rig.restartDaemon();
  expect(await session.isValid()).toBe(true);
});

test('isValid() returns false with a context of the previous service, and then true again', async () => {
  expect(await session.isValid()).toBe(true);
  await rig.restartDaemon();
  expect(await session.isValid()).toBe(false);
  expect(await session.listReaders()).toEqual(names);
  expect(await session.isValid()).toBe(true);
});

test('isValid() can be aborted, and rejects after the session was closed', async () => {
  const other = await bridge.openSession({ id: 7, connectTime: 1n });
  await expect(other.isValid({ signal: AbortSignal.abort() })).rejects.toMatchObject({ name: 'AbortError' });
  await other.close();
  await expect(other.isValid()).rejects.toMatchObject({ code: 'BRIDGE_E_CLOSED' });
});
