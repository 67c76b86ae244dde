import { expect, test } from 'vitest';
import type { ReaderEvent, ReaderWatch } from '../../../src/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader, port } = readerAt(rig);

async function until(watch: ReaderWatch, type: ReaderEvent['type']): Promise<ReaderEvent[]> {
  const events: ReaderEvent[] = [];
  for await (const event of { [Symbol.asyncIterator]: () => ({ next: () => watch.next() }) }) {
    events.push(event);
    if (event.type === type) break;
  }
  return events;
}

test('a watch reports once that the service is lost, and sees cards again after its restart', async () => {
  const before = await createPivCard({ port });
  await using watch = session.watch();
  await until(watch, 'card-inserted');
  await until(watch, 'reader-added');

  await rig.killDaemon();
  const [lost] = (await until(watch, 'service-lost')).slice(-1);
  expect(lost).toMatchObject({ error: { name: 'PcscError', code: expect.stringMatching(/^SCARD_/) } });
  await before.closed;
  await rig.restartDaemon();
  expect((await until(watch, 'service-restored')).map(({ type }) => type)).toEqual(['service-restored']);

  await using after = await createPivCard({ port });
  const events = await until(watch, 'card-inserted');
  expect(events.at(-1)).toMatchObject({ type: 'card-inserted', reader, atr: after.atr });
  expect(events.map(({ type }) => type)).not.toContain('service-lost');
});

test('a watch that begins without the service reports that, and the readers once the service runs', async () => {
  await rig.killDaemon();
  await using watch = session.watch();
  const events = await until(watch, 'service-lost');
  expect(events).toHaveLength(1);
  expect(events[0]).toMatchObject({ error: { code: 'SCARD_E_NO_SERVICE' } });
  await rig.restartDaemon();
  expect((await until(watch, 'reader-added')).map(({ type }) => type)).toEqual([
    'service-restored',
    'reader-added',
  ]);
});

test('every function of a session works after a restart of the service, five times in a row', async () => {
  for (let times = 0; times < 5; times++) {
    await rig.restartDaemon();
    expect(await session.listReaders()).toContain(reader);
  }
  await using virtual = await createPivCard({ port });
  await using card = await session.connect(reader);
  expect((await card.status()).atr).toEqual(virtual.atr);
});

test('with retell a watch reports the current state again after a restart of the service', async () => {
  await using virtual = await createPivCard({ port });
  await session.waitForCard({ reader, timeout: 5000 });
  await using watch = session.watch({ retell: true });
  await until(watch, 'card-inserted');
  await rig.killDaemon();
  await until(watch, 'service-lost');
  await virtual.closed;
  await rig.restartDaemon();
  expect((await until(watch, 'reader-added')).map(({ type }) => type)).toEqual([
    'service-restored',
    'reader-added',
  ]);
});
