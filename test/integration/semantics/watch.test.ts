/** SCardGetStatusChange as other libraries implement it. */
import { expect, test } from 'vitest';
import { FakePcsc } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`];

test('a wait that returns at once, changed or not, is called with pauses, and changes are still reported', async () => {
  const fake = new FakePcsc(...script, 'set status-change-waits no');
  const events = await fake.run(async ({ bridge: { CardBridge }, fake, sleep }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    const events: string[] = [];
    watch.on('event', ({ type }) => void events.push(type));
    await sleep(3000);
    await fake.tell(`card-gone "${reader}"`);
    await fake.until('the removal', () => events.includes('card-removed'));
    watch.close();
    await bridge.close();
    return events;
  }, reader);
  expect(events).toEqual(['reader-added', 'card-inserted', 'card-removed']);
  const calls = fake.calls('SCardGetStatusChange');
  const first = calls[0]?.us ?? 0;
  const lastSecond = calls.filter(({ us }) => us > first + 1_500_000 && us <= first + 2_500_000);
  expect(lastSecond.length).toBeGreaterThan(0);
  expect(lastSecond.length).toBeLessThan(20);
});

test('a wait that blocks is called once, and again at each change', async () => {
  const fake = new FakePcsc(...script);
  await fake.run(async ({ bridge: { CardBridge }, fake, sleep }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    await watch.next();
    await sleep(1000);
    await fake.tell(`card-gone "${reader}"`);
    for await (const { type } of watch) if (type === 'card-removed') break;
    await bridge.close();
  }, reader);
  expect(fake.calls('SCardGetStatusChange').length).toBeLessThan(6);
});

test('many events at once are reported as the few that lead to the current state', async () => {
  const fake = new FakePcsc(...script);
  const { events, calls } = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    const first = [(await watch.next()).value?.type, (await watch.next()).value?.type];
    const before = fake.calls('SCardGetStatusChange').length;
    fake.write(`on SCardGetStatusChange times 2000 do swap "${reader}"`, `swap "${reader}"`);
    await fake.saw('SCardGetStatusChange', undefined, before + 2000);
    await fake.tell(`card-gone "${reader}"`);
    // No call was made meanwhile.
    const events = [];
    for await (const { type } of watch) {
      events.push(type);
      if (type === 'card-removed') break;
    }
    const calls = fake.calls('SCardGetStatusChange').length - before;
    await bridge.close();
    return { events: [...first, ...events], calls };
  }, reader);
  expect(calls).toBeGreaterThan(1999);
  expect(events[0]).toBe('reader-added');
  expect(events.length).toBeLessThan(8);
  expect(events.at(-1)).toBe('card-removed');
});

test('a card removed and inserted between two calls is detected by the event count', async () => {
  const fake = new FakePcsc(...script);
  const events = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    const events: string[] = [];
    watch.on('event', ({ type }) => void events.push(type));
    await fake.until('the card', () => events.includes('card-inserted'));
    await fake.tell(`swap "${reader}"`);
    await fake.until('the swap', () => events.length >= 4);
    watch.close();
    await bridge.close();
    return events;
  }, reader);
  expect(events).toEqual(['reader-added', 'card-inserted', 'card-removed', 'card-inserted']);
});

test.each(['known', 'unknown'])(
  'readers are added and removed, with the pseudo reader being %s',
  async (pseudo) => {
    const fake = new FakePcsc(`set pseudo-reader ${pseudo === 'known' ? 'yes' : 'no'}`);
    const events = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const watch = session.watch();
      const events: string[] = [];
      watch.on(
        'event',
        (event) => void events.push(`${event.type} ${'reader' in event ? event.reader : ''}`),
      );
      await fake.saw('SCardGetStatusChange');
      await fake.tell(`reader "${reader}"`);
      await fake.until('the reader', () => events.length === 1);
      await fake.tell(`card "${reader}" 3B00 T=0`);
      await fake.until('the card', () => events.length === 2);
      await fake.tell(`reader-gone "${reader}"`);
      await fake.until('the end of both', () => events.length === 4);
      watch.close();
      await bridge.close();
      return events;
    }, reader);
    expect(events).toEqual(
      ['reader-added', 'card-inserted', 'card-removed', 'reader-removed'].map((type) => `${type} ${reader}`),
    );
  },
);

test('SCARD_STATE bits become names', async () => {
  const fake = new FakePcsc(...script, `mute "${reader}"`, `exclusive "${reader}"`);
  const state = await fake.run(async ({ bridge: { CardBridge } }) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    const { value } = await watch.next();
    watch.close();
    await bridge.close();
    return value && 'state' in value ? value.state : undefined;
  });
  expect(state).toEqual({ present: true, mute: true, exclusive: true, inUse: true, unavailable: false });
});
