/** The service stops and starts. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`, `answer "${reader}" 00 9000`];

// SCARD_E_NO_SERVICE (pcsc-lite), SCARD_E_SERVICE_STOPPED, SCARD_E_SYSTEM_CANCELLED (Windows), SCARD_F_COMM_ERROR
// (a broken socket), SCARD_E_INVALID_HANDLE, ERROR_INVALID_HANDLE (Windows), ERROR_BROKEN_PIPE (remote desktop).
const codes: [string, number][] = [
  ['SCARD_E_NO_SERVICE', 0x8010001d],
  ['SCARD_E_SERVICE_STOPPED', 0x8010001e],
  ['SCARD_E_SYSTEM_CANCELLED', 0x80100012],
  ['SCARD_P_SHUTDOWN', 0x80100018],
  ['SCARD_F_COMM_ERROR', 0x80100013],
  ['SCARD_E_INVALID_HANDLE', 0x80100003],
  ['ERROR_INVALID_HANDLE', 6],
  ['ERROR_BROKEN_PIPE', 109],
];

describe('a service that stops and starts again', () => {
  test.each(codes)('(%s): each user gets one error, then everything works', async (code, value) => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(
      async ({ bridge: { CardBridge }, fake, errorOf }, { reader, value, onWindows }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n });
        const select = Uint8Array.of(0, 0xa4, 4, 0);
        const card = await session.connect(reader);
        const idle = await session.connect(reader);
        await session.transaction(reader, () => {});
        await session.listReaders();
        const events: string[] = [];
        const watch = session.watch();
        watch.on('event', ({ type }) => void events.push(type));
        await fake.until('the card', () => events.includes('card-inserted'));
        // In the middle of every operation.
        const middle = errorOf(
          card.transaction(async (tx) => {
            await fake.tell(`stop-service ${value}`);
            await tx.transmit(select);
          }),
        );
        const met = (await middle).code;
        await fake.until('the loss', () => events.at(-1) === (onWindows ? 'reader-removed' : 'service-lost'));
        const away = [
          (await errorOf(card.transmit(select))).code,
          (await errorOf(session.connect(reader))).code,
          (await errorOf(session.transaction(reader, () => {}))).code,
        ];
        const readers = await session.listReaders().catch((error) => error.code);
        const before = events.length;
        await fake.tell(`start-service ${value}`);
        await fake.until('the return', () => events.length >= before + (onWindows ? 2 : 1));
        const back = [
          await card.transmit(select),
          // Has not been used since, and its context stays invalid.
          (await errorOf(idle.transmit(select))).code,
          await idle.transmit(select),
          await session.transaction(reader, (tx) => tx.transmit(select)),
          await (await session.connect(reader)).transmit(select),
          await session.listReaders(),
        ];
        watch.close();
        await bridge.close();
        return { met, away, readers, back, events };
      },
      { reader, value, onWindows },
    );
    expect(seen.met).toBe(code);
    expect(seen.away).toEqual(Array(3).fill('SCARD_E_NO_SERVICE'));
    // Since Windows 8 the service stops with the last reader: without a service there are no readers.
    expect(seen.readers).toEqual(onWindows ? [] : 'SCARD_E_NO_SERVICE');
    expect(seen.back).toEqual(['9000', code, '9000', '9000', '9000', [reader]]);
    const told = ['reader-added', 'card-inserted'];
    const gone = ['card-removed', 'reader-removed'];
    const meansNoReaders = ['SCARD_E_NO_SERVICE', 'SCARD_E_SERVICE_STOPPED'].includes(code);
    const lost = meansNoReaders ? gone : ['service-lost', 'service-restored', ...gone];
    expect(seen.events).toEqual(
      onWindows ? [...told, ...lost, ...told] : [...told, 'service-lost', 'service-restored'],
    );
  });
});

test('without a service at first, calls fail at once, and a watch waits for it', async (context) => {
  context.skip(onWindows, 'without a service there are no readers there: the test after this one');
  const fake = new FakePcsc('stop-service', ...script);
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const errors = [
      (await errorOf(session.listReaders())).code,
      (await errorOf(session.connect(reader))).code,
      String(await session.isValid()),
    ];
    const watch = session.watch();
    const first = await watch.next();
    await fake.tell('start-service');
    const back = [(await watch.next()).value?.type, (await watch.next()).value?.type];
    watch.close();
    const valid = await session.isValid();
    await bridge.close();
    return { errors, first: first.value?.type, back, valid };
  }, reader);
  expect(seen).toEqual({
    errors: ['SCARD_E_NO_SERVICE', 'SCARD_E_NO_SERVICE', 'false'],
    first: 'service-lost',
    back: ['service-restored', 'reader-added'],
    valid: true,
  });
});

test('if the service stops with the last reader and starts with the next, a watch reports both', async (context) => {
  context.skip(!onWindows, 'only the service of Windows 8 and later does');
  const fake = new FakePcsc('stop-service', ...script);
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const readers = [await session.listReaders()];
    const { code } = await errorOf(session.connect(reader));
    const valid = [await session.isValid()];
    const events: string[] = [];
    const watch = session.watch();
    watch.on('event', ({ type }) => void events.push(type));
    const sees = (count: number) => fake.until(`${count} events`, () => events.length === count);
    await fake.saw('SCardEstablishContext');
    await fake.tell('start-service');
    await sees(2);
    readers.push(await session.listReaders());
    valid.push(await session.isValid());
    await fake.tell('stop-service');
    await sees(4);
    readers.push(await session.listReaders());
    await fake.tell('start-service');
    await sees(6);
    readers.push(await session.listReaders());
    watch.close();
    await bridge.close();
    return { readers, code, valid, events };
  }, reader);
  const come = ['reader-added', 'card-inserted'];
  expect(seen).toEqual({
    readers: [[], [reader], [], [reader]],
    code: 'SCARD_E_NO_SERVICE',
    valid: [false, true],
    events: [...come, 'card-removed', 'reader-removed', ...come],
  });
});

test('a remote session without redirected readers (0x6F7) has no readers', async () => {
  const fake = new FakePcsc('on SCardListReaders always fail 0x6f7');
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const readers = await session.listReaders();
    const valid = await session.isValid();
    const watch = session.watch();
    const first = watch.next();
    await fake.saw('SCardListReaders', undefined, fake.calls('SCardListReaders').length + 1);
    fake.write('forget-rules', `reader "${reader}"`);
    const { value } = await first;
    watch.close();
    await bridge.close();
    return { readers, valid, first: value?.type };
  }, reader);
  expect(seen).toEqual({ readers: [], valid: true, first: 'reader-added' });
});

test('while the service is stopped, a watch polls with growing pauses', async () => {
  const fake = new FakePcsc('stop-service');
  await fake.run(async ({ bridge: { CardBridge }, fake, sleep }) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    const first = watch.next(); // on Windows there is nothing to report
    first.catch(() => {});
    await fake.saw('SCardEstablishContext');
    await sleep(3000);
    watch.close();
    await bridge.close();
  });
  // 50, 100, 200, 400, 800, 1000 ms.
  expect(fake.calls('SCardEstablishContext').length).toBeLessThan(10);
});
