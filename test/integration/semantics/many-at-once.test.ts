/** Many users, many cards: which thread makes which call, the order of service, and what is left at the end. */
import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const readers = ['Reader 00 00', 'Reader 01 00', 'Reader 02 00'];
const script = readers.flatMap((name) => [
  `reader "${name}"`,
  `card "${name}" 3B00 T=1`,
  `answer "${name}" 00 9000`,
  `control "${name}" 1 9000`,
]);

// FakePcsc.run fails if the library has seen two threads in one context, or anything that was not released.
test.each([
  [1, 'pcsclite'],
  [2, 'pcsclite'],
  [3, 'windows'],
  [4, 'windows'],
])(
  'hundreds of random operations, aborts, resets and removals succeed (seed %i, waiting as on %s)',
  async (seed, semantics) => {
    const fake = new FakePcsc(
      `set semantics ${semantics}`,
      `set status-is-mask ${onWindows ? 'no' : 'yes'}`, // which the package expects by how it was built
      ...script,
      'on SCardTransmit always delay 1',
    );
    const counts = await fake.run(
      async ({ bridge: { CardBridge }, fake, sleep }, { seed, readers }) => {
        let state = seed;
        const random = (below: number) => {
          state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
          return (state >>> 8) % below;
        };
        const bridge = new CardBridge();
        const counts: Record<string, number> = {};
        const apdu = Uint8Array.of(0, 0xa4, 4, 0);
        const reader = () => readers[random(readers.length)] as string;
        async function work(id: number): Promise<void> {
          const session = await bridge.openSession({ id, connectTime: BigInt(id) });
          let card = await session.connect(reader());
          for (let i = 0; i < 40; i++) {
            const wait = random(4) === 0 ? { timeout: random(8) } : {};
            const actions = [
              () => card.transmit(apdu, wait),
              () => card.status(wait),
              () => card.control(1, apdu, wait),
              () => card.transaction((tx) => tx.transmit(apdu), wait),
              () => card.transaction(() => sleep(random(3)), { ...wait, disposition: 'reset' }),
              () => session.transaction(reader(), (tx) => tx.transmit(apdu), wait),
              () => session.transaction(reader(), (tx) => tx.transmit(apdu, { timeout: random(2) }), wait),
              () => session.listReaders(wait),
              () => Promise.all([card.transmit(apdu, wait), card.status(wait), card.transmit(apdu)]),
              async () => {
                void card.close();
                card = await session.connect(reader());
              },
              async () => {
                const watch = session.watch();
                await watch.next();
                watch.close();
              },
            ];
            const outcome = await (actions[random(actions.length)]?.() ?? Promise.resolve()).then(
              () => 'ok',
              (error) => error.name as string,
            );
            counts[outcome] = (counts[outcome] ?? 0) + 1;
          }
          await session.close();
        }
        let over = false;
        const others = (async () => {
          for (; !over; await sleep(5)) {
            const name = `"${reader()}"`;
            fake.write([`reset ${name}`, `swap ${name}`, `hold-if-free ${name}`][random(3)] as string);
            await sleep(random(10));
            fake.write(`free ${name}`);
          }
        })();
        await Promise.all(Array.from({ length: 10 }, (_, id) => work(id + 1)));
        over = true;
        await others;
        await bridge.close();
        return counts;
      },
      { seed, readers },
    );
    const { ok = 0, PcscError = 0, TimeoutError = 0, ...rest } = counts;
    expect(rest).toEqual({});
    expect(ok + PcscError + TimeoutError).toBe(400);
    expect(ok).toBeGreaterThan(100);
    expect(TimeoutError).toBeGreaterThan(0);
    // Every context belonged to one thread at a time, except for SCardCancel, which came from other threads.
    expect(fake.calls().length).toBeGreaterThan(800);
  },
  60_000,
);

test('the library reports programs that break the rules, on which the tests above rely', async (context) => {
  context.skip(onWindows, 'a program of its own, which is built for this platform only');
  const fake = new FakePcsc('reader Reader', 'card Reader 3B00', 'on SCardListReaders always delay 100');
  const { status } = spawnSync('make', ['-s', '-f', 'test/fake-pcsc/Makefile', 'misuse'], {
    stdio: 'inherit',
  });
  expect(status).toBe(0);
  expect(spawnSync('.cache/fake-pcsc/linux/misuse', { env: { ...process.env, ...fake.env } }).status).toBe(0);
  fake.calls();
  expect(fake.violations).toEqual([
    'SCardListReaders on a context in which another thread is inside SCardListReaders',
    'SCardReleaseContext before SCardDisconnect',
    'SCardDisconnect on a handle that is not, or no longer, connected',
    'SCardReleaseContext on a context that is not, or no longer, established',
  ]);
  expect(fake.left()).toEqual([]);
});

describe('sixteen operations that wait for one card', () => {
  test.each(['a transaction of this process', 'another process'])(
    'behind %s are served in order',
    async (who) => {
      const fake = new FakePcsc(...script);
      const order = await fake.run(
        async ({ bridge: { CardBridge }, fake }, { reader, other, ours, blocks }) => {
          const bridge = new CardBridge();
          const session = await bridge.openSession({ id: 1, connectTime: 1n });
          const cards = await Promise.all(Array.from({ length: 16 }, () => session.connect(reader)));
          const first = await session.connect(reader);
          const neighbour = await session.connect(other);
          let held: Promise<unknown> | undefined;
          let free: () => void = () => {};
          // Not only until the library has been called: the callback gives the means to end the transaction.
          const begun = new Promise<void>((inTransaction, fail) => {
            const callback = () =>
              new Promise<void>((resolve) => {
                free = resolve;
                inTransaction();
              });
            held = ours ? first.transaction(callback) : fake.tell(`hold "${reader}"`).then(inTransaction);
            held.catch(fail);
          });
          await begun;
          const order: number[] = [];
          const before = fake.calls().length;
          const waiting = cards.map((card, index) =>
            card.transaction(async (tx) => {
              order.push(index);
              await tx.transmit(Uint8Array.of(0, 0xa4, 4, 0));
            }),
          );
          await neighbour.transmit(Uint8Array.of(0, 0xa4, 4, 0));
          // The first of them waits for the other process: inside SCardBeginTransaction, or it asks again and again.
          if (!ours && blocks) await fake.saw('SCardBeginTransaction', (call) => call.done === undefined);
          else if (!ours)
            await fake.saw(
              'SCardGetAttrib',
              ({ done }) => done !== undefined && done.result === 0x8010000b,
              3,
            );
          const early = { begun: order.length, waiting: bridge.stats().transactions.waiting };
          const [sent] = fake.calls('SCardTransmit');
          const calls = fake.calls().slice(before);
          const users = new Set(calls.map((call) => call.handle).filter((handle) => handle !== sent?.handle));
          if (ours) free();
          else await fake.tell(`free "${reader}"`);
          await Promise.all(waiting);
          await held;
          await bridge.close();
          return { early, users: users.size, order };
        },
        {
          reader: readers[0] as string,
          other: readers[1] as string,
          ours: who.includes('this'),
          blocks: onWindows,
        },
      );
      // At most one of them is inside the library; the others wait in the process.
      expect(order).toEqual({
        early: { begun: 0, waiting: 16 },
        users: who.includes('this') ? 0 : 1,
        order: Array.from({ length: 16 }, (_, index) => index),
      });
      const served = fake.calls('SCardTransmit').map(({ handle }) => handle);
      expect(new Set(served).size).toBe(17);
    },
  );
});

test('an aborted wait for another process does no harm', async () => {
  const fake = new FakePcsc(...script);
  const [reader = ''] = readers;
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf, durationOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    await fake.tell(`hold "${reader}"`);
    const begun = errorOf(card.transaction(() => {}, { timeout: 200 }));
    const duration = await durationOf(begun);
    const error = await begun;
    const contexts = fake.calls('SCardEstablishContext').length;
    await fake.tell(`free "${reader}"`);
    const response = await card.transaction((tx) => tx.transmit(Uint8Array.of(0, 0xa4, 4, 0)));
    await bridge.close();
    return { error, duration, response, contexts };
  }, reader);
  expect(seen).toMatchObject({ error: { name: 'TimeoutError', reader }, response: '9000', contexts: 1 });
  expect(seen.duration).toBeLessThan(1200);
  const begins = fake.calls('SCardBeginTransaction');
  if (onWindows) {
    // The service blocks it and wakes it. It stays there, completes late, and is undone.
    expect(begins).toHaveLength(2);
    expect(fake.sequence(['BeginTransaction', 'EndTransaction'])).toContain('EndTransaction leave');
    expect(fake.calls('SCardEstablishContext')).toHaveLength(2);
  } else {
    // SCardGetAttrib was polled until then, and nothing was begun.
    expect(begins).toHaveLength(1);
    const refused = fake.calls('SCardGetAttrib').filter(({ done }) => done?.result === 0x8010000b);
    expect(refused.length).toBeGreaterThan(10);
    expect(fake.calls('SCardEstablishContext')).toHaveLength(1);
  }
});
