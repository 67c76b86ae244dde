/** Calls inside the library that cannot be cancelled: the caller's promise settles, and a late result is undone. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, type Kit } from '../../support/fake-pcsc.js';
import { calls, getStuck, other, reader, script } from '../../support/stuck-calls.js';

describe('an abandoned call rejects at once, blocks no other call, and is undone', () => {
  test.each(calls)('%s (%s): %s', async (name, way, undone) => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(getStuck, { name, way, how: 'goes on', reader, other });
    const waits = name === 'SCardEstablishContext' || name === 'SCardConnect';
    expect(seen).toMatchObject({
      error: { name: 'AbortError' },
      meanwhile: '9000',
      again: waits ? ['TimeoutError', 'TimeoutError', 0] : '9000',
      atLast: '9000',
      stillStuck: true,
    });
    expect(seen?.undone.join(', ')).toBe(undone);
    expect(seen?.settledAfter).toBeLessThan(1000);
  });
});

test('of many connects that are abandoned, only one is inside the library', async () => {
  const fake = new FakePcsc(...script);
  const seen = await fake.run(
    async ({ bridge: { CardBridge }, fake, errorOf }, { reader, other }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession();
      const neighbour = await session.connect(other);
      await fake.tell('on SCardConnect stick');
      const abort = new AbortController();
      const waiting = errorOf(session.connect(reader, { signal: abort.signal }));
      await fake.stuck('SCardConnect');
      abort.abort();
      const names = new Set([(await waiting).name]);
      const before = fake.calls().length;
      for (let round = 0; round < 10; round++) {
        const errors = Array.from({ length: 10 }, () => errorOf(session.connect(reader, { timeout: 5 })));
        for (const { name } of await Promise.all(errors)) names.add(name);
      }
      const cost = fake.calls().length - before;
      // A later connect gets the turn when the stuck one has returned and been undone.
      const last = session.connect(reader);
      const meanwhile = await neighbour.transmit(Uint8Array.of(0, 0xa4, 4, 0));
      const early = fake.calls('SCardConnect').length;
      await fake.tell('go SCardConnect');
      const response = await (await last).transmit(Uint8Array.of(0, 0xa4, 4, 0));
      const order = fake.sequence(['Connect', 'Disconnect']);
      await bridge.close();
      return { names: [...names], cost, meanwhile, early, response, order };
    },
    { reader, other },
  );
  expect(seen).toEqual({
    names: ['AbortError', 'TimeoutError'],
    cost: 0,
    meanwhile: '9000',
    early: 2,
    response: '9000',
    order: ['Connect', 'Connect', 'Disconnect leave', 'Connect'],
  });
});

test('questions wait behind one that is stuck, with timeouts of their own, on one context', async () => {
  const fake = new FakePcsc(...script, 'on SCardListReaders stick');
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession();
    const another = await bridge.openSession({ id: 1, connectTime: 1n });
    const first = session.listReaders();
    await fake.stuck('SCardListReaders');
    const second = another.listReaders();
    const givenUp = [
      (await errorOf(session.listReaders({ timeout: 50 }))).name,
      (await errorOf(another.listReaderGroups({ timeout: 50 }))).name,
    ];
    const meanwhile = fake.calls().map(({ name }) => name);
    await fake.tell('go SCardListReaders');
    const answers = [(await first).length, (await second).length];
    await bridge.close();
    return { givenUp, meanwhile, answers };
  });
  expect(seen).toEqual({
    givenUp: ['TimeoutError', 'TimeoutError'],
    meanwhile: ['SCardEstablishContext', 'SCardListReaders'],
    answers: [2, 2],
  });
  expect(fake.calls('SCardEstablishContext')).toHaveLength(1);
  expect(fake.calls('SCardListReaderGroups')).toEqual([]);
});

/** Another program takes the card between the check that it is free and the reset at the session's end. */
async function closeUnderHolder({ bridge: { CardBridge }, fake, durationOf }: Kit, name: string) {
  const bridge = new CardBridge();
  const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
  await session.transaction(name, () => {});
  await fake.tell(`on SCardDisconnect do hold "${name}"`);
  const free = setTimeout(() => fake.write(`free "${name}"`), 5000);
  const closedAfter = await durationOf(session.close());
  clearTimeout(free);
  const [waiting] = fake.calls('SCardDisconnect');
  const seen = { closedAfter, disposition: waiting?.disposition, wasWaiting: waiting?.done === undefined };
  await fake.tell(`free "${name}"`);
  await fake.saw('SCardReleaseContext', ({ context }) => context === waiting?.context);
  await bridge.close();
  return seen;
}

test('a session closes while its reset waits for a program that has just taken the card', async () => {
  const fake = new FakePcsc(...script);
  const seen = await fake.run(closeUnderHolder, reader);
  expect(seen).toMatchObject({ disposition: 1, wasWaiting: true });
  expect(seen.closedAfter).toBeLessThan(4000);
});

/** The service hangs just when the user closes an object. */
async function closeUnanswered(
  { bridge: { CardBridge }, fake, durationOf }: Kit,
  { name, way }: { name: string; way: string },
) {
  const bridge = new CardBridge();
  const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
  const card = await session.connect('Reader 00 00');
  const neighbour = await (await bridge.openSession({ id: 2, connectTime: 2n })).connect('Reader 01 00');
  await fake.tell(`on ${name} stick`);
  const closedAfter = await durationOf(way === 'card' ? card.close() : session.close());
  const stuck = await fake.stuck(name);
  const meanwhile = await neighbour.transmit(Uint8Array.of(0, 0xa4, 4, 0));
  const stillStuck = fake.calls(name).some((call) => call.call === stuck.call && call.done === undefined);
  await fake.tell(`go ${name}`);
  await fake.saw('SCardReleaseContext', ({ context }) => context === stuck.context);
  await bridge.close();
  return { closedAfter, meanwhile, stillStuck };
}

test.each([
  ['card', 'SCardDisconnect'],
  ['card', 'SCardReleaseContext'],
  ['session', 'SCardDisconnect'],
  ['session', 'SCardReleaseContext'],
])(
  'a %s closes in time though %s is stuck, and releases its card when that call returns',
  async (way, name) => {
    const seen = await new FakePcsc(...script).run(closeUnanswered, { name, way });
    expect(seen).toMatchObject({ meanwhile: '9000', stillStuck: true });
    expect(seen.closedAfter).toBeLessThan(4000);
  },
);
