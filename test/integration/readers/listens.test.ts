import { expect, it, test } from 'vitest';
import type { ReaderEvent, ReaderWatch } from '../../../src/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { runChild } from '../../support/child.js';
import { openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 1 });
const session = await openBridge().openSession();

/** Collects the events of a listener until there is one of this type. */
function until(heard: ReaderEvent[], type: ReaderEvent['type']): Promise<void> {
  return expect.poll(() => heard.some((event) => event.type === type), { timeout: 5000 }).toBe(true);
}

it('a listener receives its type of event, and a listener for "event" receives all', async () => {
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

test.each(['on', 'addListener', 'prependListener', 'once', 'prependOnceListener'] as const)(
  '%s starts the watch',
  async (method) => {
    await using watch = session.watch();
    const listen = watch[method].bind(watch) as ReaderWatch['on'];
    const heard = new Promise((resolve) => listen('reader-added', resolve));
    expect(await heard).toMatchObject({ reader: readerAt(rig).name });
  },
);

test('a listener that is added while the watch is iterated over receives the current state', async () => {
  await using watch = session.watch();
  await watch.next();
  const heard = new Promise((resolve) => watch.on('reader-added', resolve));
  expect(await heard).toMatchObject({ reader: readerAt(rig).name });
});

test('thirty watches share a signal without a warning', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => void warnings.push(warning);
  process.on('warning', onWarning);
  const { signal } = new AbortController();
  const watches = Array.from({ length: 30 }, () => session.watch({ signal }));
  await new Promise((resolve) => setImmediate(resolve));
  for (const watch of watches) watch.close();
  process.off('warning', onWarning);
  expect(warnings).toEqual([]);
});

test('a timeout is rejected, because a watch has none', () => {
  expect(() => session.watch({ timeout: 100 } as never)).toThrow(
    'pass signal: AbortSignal.timeout(ms) instead',
  );
});
