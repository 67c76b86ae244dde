import { describe, expect, test, vi } from 'vitest';
import type { ReaderEvent, ReaderWatch } from '../../../src/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { forThisTest, openBridge, readerAt, startRig } from '../../support/rig.js';
import { errorOf, staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const bridge = openBridge();
const session = await bridge.openSession();
const { name: first, port } = readerAt(rig, 0);
const { name: second } = readerAt(rig, 1);

/** The next event of a watch. */
async function next(watch: ReaderWatch): Promise<ReaderEvent> {
  const { value, done } = await watch.next();
  if (done) throw new Error('the watch has ended');
  return value;
}

/** The next event of this kind. */
async function nextOf<T extends ReaderEvent['type']>(watch: ReaderWatch, type: T) {
  for (;;) {
    const event = await next(watch);
    if (event.type === type) return event as ReaderEvent & { type: T };
  }
}

test('a watch first reports the current readers and cards, as if they had just been inserted', async () => {
  const card = await createPivCard({ port });
  await using _out = forThisTest(card);
  await using watch = session.watch();
  const events = [await next(watch), await next(watch), await next(watch)];
  expect(events).toEqual([
    { type: 'reader-added', reader: first, state: expect.objectContaining({ present: true }) },
    {
      type: 'card-inserted',
      reader: first,
      atr: card.atr,
      state: expect.objectContaining({ present: true, mute: false, unavailable: false }),
    },
    { type: 'reader-added', reader: second, state: expect.objectContaining({ present: false }) },
  ]);
});

test('a watch reports a card that is inserted and removed, with its ATR', async () => {
  await using watch = session.watch();
  await nextOf(watch, 'reader-added');
  const card = await createPivCard({ port });
  expect(await nextOf(watch, 'card-inserted')).toMatchObject({ reader: first, atr: card.atr });
  await card.remove();
  expect(await nextOf(watch, 'card-removed')).toMatchObject({
    reader: first,
    atr: card.atr,
    state: { present: false },
  });
});

test('several watches of several sessions report it', async () => {
  const other = await bridge.openSession({ id: 7, connectTime: 7n });
  const watches = [session.watch(), session.watch(), other.watch(), other.watch()];
  for (const watch of watches) await nextOf(watch, 'reader-added');
  const card = await createPivCard({ port });
  await using _out = forThisTest(card);
  const events = await Promise.all(watches.map((watch) => nextOf(watch, 'card-inserted')));
  expect(events.map((event) => event.atr)).toEqual(Array(4).fill(card.atr));
  for (const watch of watches) watch.close();
});

describe('a watch ends', () => {
  test('when its loop is left, whatever events are pending', async () => {
    const watch = session.watch();
    for await (const event of watch) {
      expect(event.type).toBe('reader-added');
      break;
    }
    expect(await watch.next()).toEqual({ done: true, value: undefined });
  });

  test('with its signal, with an AbortError that has the reason', async () => {
    const abort = new AbortController();
    const watch = session.watch({ signal: abort.signal });
    const seen: string[] = [];
    const loop = (async () => {
      for await (const event of watch) seen.push(event.type);
    })();
    await vi.waitFor(() => expect(seen).toHaveLength(2));
    abort.abort('enough');
    expect(await errorOf(loop)).toMatchObject({ name: 'AbortError', cause: 'enough' });
    expect(seen).toEqual(['reader-added', 'reader-added']);
  });

  test('at once if the signal was aborted before', async () => {
    const watch = session.watch({ signal: AbortSignal.abort() });
    await expect(watch.next()).rejects.toMatchObject({ name: 'AbortError' });
    expect(await watch.next()).toMatchObject({ done: true });
  });

  test('with close(), for all calls that wait for its next event', async () => {
    const watch = session.watch();
    await next(watch);
    await next(watch);
    const waiting = [watch.next(), watch.next()];
    expect(await staysPending(Promise.all(waiting))).toBe(true);
    watch.close();
    expect(await Promise.all(waiting)).toEqual(Array(2).fill({ done: true, value: undefined }));
  });

  test('with its session', async () => {
    const other = await bridge.openSession({ id: 7, connectTime: 7n });
    const watch = other.watch();
    await next(watch);
    await next(watch);
    const waiting = watch.next();
    await other.close();
    expect(await waiting).toEqual({ done: true, value: undefined });
  });
});
