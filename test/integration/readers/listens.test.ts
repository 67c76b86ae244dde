import { expect, it } from 'vitest';
import type { ReaderEvent } from '../../../src/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { runChild } from '../../support/child.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 1 });
const session = await openBridge().openSession();

/** Collects what a listener hears until there is one of this type. */
function until(heard: ReaderEvent[], type: ReaderEvent['type']): Promise<void> {
  return expect.poll(() => heard.some((event) => event.type === type), { timeout: 5000 }).toBe(true);
}

it('listeners hear of their type of event, and "event" of all', async () => {
  const watch = session.watch();
  const all: ReaderEvent[] = [];
  const inserted: string[] = [];
  let ended = false;
  watch.on('event', (event) => all.push(event));
  watch.on('card-inserted', ({ reader }) => inserted.push(reader));
  watch.on('end', () => {
    ended = true;
  });
  await until(all, 'reader-added');
  await using _card = await createPivCard({ port: readerAt(rig).port });
  await until(all, 'card-inserted');
  expect(inserted).toEqual([readerAt(rig).name]);
  watch.close();
  expect(ended).toBe(true);
});

it('an unreferenced watch lets the process end', async () => {
  const { code, sinceNow } = await runChild(`
    const { CardBridge } = await import(bridge);
    const session = await new CardBridge().openSession();
    session.watch().unref().on('event', () => {});
    console.log('now');
  `);
  expect(code).toBe(0);
  expect(sinceNow).toBeLessThan(2000);
});
