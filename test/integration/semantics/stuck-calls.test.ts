/** Calls inside the library that cannot be cancelled: the caller's promise settles, and a late result is undone. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, type Kit } from '../../support/fake-pcsc.js';
import { programUnderTest } from '../../support/under-test.js';

const reader = 'Reader 00 00';
const other = 'Reader 01 00';
const script = [reader, other].flatMap((name) => [
  `reader "${name}"`,
  `card "${name}" 3B00 T=1`,
  `answer "${name}" 00 9000`,
  `control "${name}" 1 9000`,
  `attribute "${name}" 0x10100 41`,
]);

interface Given {
  /** The function that sticks, and the call that reaches it. */
  name: string;
  way: string;
  /** Aborts and continues; aborts and has nothing more to do; exits in the middle. */
  how: 'goes on' | 'gives up' | 'exits';
  reader: string;
  other: string;
}

async function getStuck(kit: Kit, { name, way, how, reader, other }: Given) {
  const { fake, errorOf } = kit;
  const bridge = new kit.bridge.CardBridge();
  const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
  const select = Uint8Array.of(0, 0xa4, 4, 0);
  const neighbour = await session.connect(other);
  const connected = !['connect', 'cached'].includes(way);
  const card = connected ? await session.connect(reader) : undefined;
  if (way === 'listReaders' || way === 'closeSession') await session.listReaders();
  await fake.tell(`on ${name} ${how === 'goes on' ? '' : 'always'} stick`);
  const watch = session.watch();
  const abort = new AbortController();
  const options = { signal: abort.signal };
  const ways: Record<string, () => Promise<unknown> | undefined> = {
    connect: () => session.connect(reader, options),
    cached: () => session.transaction(reader, () => {}, options),
    reconnect: () => card?.reconnect(options),
    begin: () => card?.transaction(() => {}, options),
    status: () => card?.status(options),
    transmit: () => card?.transmit(select, options),
    transmitInTransaction: () => card?.transaction((tx) => tx.transmit(select, options)),
    control: () => card?.control(1, undefined, options),
    setAttribute: () => card?.setAttribute('vendorName', select, options),
    listReaders: () => session.listReaders(options),
    watch: () => watch.next(),
    close: () => card?.close(),
    closeSession: () => session.close(),
  };
  const waiting = ways[way]?.() ?? Promise.resolve();
  waiting.catch(() => {});
  const stuck = await fake.stuck(name);
  if (how !== 'goes on') {
    if (how === 'exits') kit.exits();
    else kit.mayLeave();
    abort.abort();
    watch.close();
    return undefined;
  }

  const start = performance.now();
  abort.abort();
  const error = await errorOf(waiting);
  const settledAfter = performance.now() - start;
  const meanwhile = await neighbour.transmit(select);
  // The stuck call may be in a transaction that it began. The card stays locked until it has ended that.
  const keepsCard =
    way === 'transmitInTransaction' ||
    (way === 'cached' && name === 'SCardStatus') ||
    (way === 'transmit' && process.platform === 'win32');
  const transmit = async () => (card ?? (await session.connect(reader))).transmit(select, { timeout: 5000 });
  // A stuck connect keeps the reader's turn until it returns. Later ones wait in this process.
  const keepsTurn = way === 'connect' || (way === 'cached' && name === 'SCardConnect');
  const later = async () => {
    const before = fake.calls('SCardConnect').length;
    const errors = await Promise.all([
      errorOf(session.connect(reader, { timeout: 100 })),
      errorOf(session.transaction(reader, () => {}, { timeout: 100 })),
    ]);
    return [...errors.map((error) => error.name), fake.calls('SCardConnect').length - before];
  };
  const again = keepsTurn ? await later() : keepsCard ? meanwhile : await transmit();
  const stillStuck = fake.calls(name).some((call) => call.call === stuck.call && call.done === undefined);

  const before = fake.calls().length;
  await fake.tell(`go ${name}`);
  const find = () => fake.calls(name).find(({ call }) => call === stuck.call)?.done;
  const late = await fake.until('the late return', find);
  // A stuck SCardEstablishContext has a context only now.
  const context = stuck.context || late.context;
  const looks = ['SCardGetAttrib', 'SCardStatus'];
  await fake.saw('SCardReleaseContext', (call) => call.context === context);
  const undone = fake
    .calls()
    .slice(before)
    .filter((call) => call.context === context && !looks.includes(call.name))
    .map((call) => `${call.name.slice(5)} ${call.disposition ?? ''}`.trim());
  const atLast = await transmit();
  await bridge.close();
  return { error, settledAfter, meanwhile, again, atLast, stillStuck, undone };
}

const onWindows = programUnderTest().platform === 'windows';

// The function that sticks, the call that reaches it, and how it is undone when it returns late.
const calls: [name: string, way: string, undone: string][] = [
  ['SCardEstablishContext', 'connect', 'ReleaseContext'],
  ['SCardConnect', 'connect', 'Disconnect 0, ReleaseContext'],
  ['SCardReconnect', 'reconnect', 'Disconnect 0, ReleaseContext'],
  ['SCardBeginTransaction', 'begin', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
  ['SCardStatus', 'status', 'Disconnect 0, ReleaseContext'],
  // Without a way to check whether the card is free, a transaction waits for it: see Connection::OnCard.
  ['SCardTransmit', 'transmit', `${onWindows ? 'EndTransaction 0, ' : ''}Disconnect 0, ReleaseContext`],
  // The card may have executed the command, so it is reset.
  ['SCardTransmit', 'transmitInTransaction', 'EndTransaction 1, Disconnect 0, ReleaseContext'],
  ['SCardControl', 'control', 'Disconnect 0, ReleaseContext'],
  ['SCardSetAttrib', 'setAttribute', 'Disconnect 0, ReleaseContext'],
  // Called twice: for the length, then for the text.
  ['SCardListReaders', 'listReaders', 'ListReaders, ReleaseContext'],
  ['SCardConnect', 'cached', 'Disconnect 0, ReleaseContext'],
  ['SCardBeginTransaction', 'cached', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
  ['SCardStatus', 'cached', 'EndTransaction 0, Disconnect 0, ReleaseContext'],
];

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

describe('a process ends within a second', () => {
  const nobodyCanEnd: [name: string, way: string][] = [
    ['SCardEndTransaction', 'begin'],
    ['SCardDisconnect', 'close'],
    ['SCardReleaseContext', 'close'],
    ['SCardReleaseContext', 'closeSession'],
  ];
  const waits: [name: string, way: string][] = [
    ...calls.map(([name, way]): [string, string] => [name, way]),
    ['SCardGetStatusChange', 'watch'],
  ];

  test.each([...waits, ...nobodyCanEnd])(
    'that calls process.exit() while %s is stuck (%s)',
    async (name, way) => {
      const fake = new FakePcsc(...script);
      const { endedAfter } = await fake.start(getStuck, { name, way, how: 'exits', reader, other }).ended;
      expect(endedAfter).toBeLessThan(1000);
    },
  );

  test.each(waits)('that abandons %s, which is stuck (%s), and has nothing more to do', async (name, way) => {
    const fake = new FakePcsc(...script);
    const { endedAfter } = await fake.start(getStuck, { name, way, how: 'gives up', reader, other }).ended;
    expect(endedAfter).toBeLessThan(1000);
  });
});
