import { expect, test } from 'vitest';
import { Rig, RigError } from '../../../src/testing/rig/index.js';
import { accepts, expectGone, insertCard, listWithOpensc, waitForCard } from './helpers.js';

test('a killed daemon is reported, and a restart restores socket, ports and reader names', async () => {
  await using rig = await Rig.start({ slots: 4 });
  const { readers, socket } = rig;
  const port = (readers[0] as { port: number }).port;
  await using _before = await insertCard(port);
  await waitForCard(rig, 0);

  const { exited } = rig;
  await rig.killDaemon();
  expect(await exited).toEqual({ status: 137 });
  expect(await accepts(port)).toBe(false);

  await rig.restartDaemon();
  expect(rig.socket).toBe(socket);
  expect(rig.readers).toEqual(readers);
  expect((await listWithOpensc(rig)).map(({ name }) => name)).toEqual(readers.map(({ name }) => name));
  await using _after = await insertCard(port);
  await waitForCard(rig, 0);
});

test('a running daemon can be restarted any number of times', async () => {
  await using rig = await Rig.start({ slots: 16 });
  for (let times = 0; times < 5; times++) {
    await rig.restartDaemon();
    expect(await listWithOpensc(rig)).toHaveLength(16);
  }
});

test('a stopped rig leaves nothing, keeps its log and cannot be restarted', async () => {
  const rig = await Rig.start({ slots: 1 });
  const { directory, readers } = rig;
  await rig.stop();
  await rig.stop();
  await expectGone({ directory, port: (readers[0] as { port: number }).port });
  expect(rig.log()).toBeTypeOf('string');
  await expect(rig.restartDaemon()).rejects.toThrow(RigError);
  await expect(rig.restartDaemon()).rejects.toMatchObject({ code: 'RIG_STOPPED' });
});
