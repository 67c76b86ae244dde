/** The service ends and starts. */
import { describe, expect, test } from 'vitest';
import { FakePcsc } from '../../support/fake-pcsc.js';

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
  test.each(codes)('(%s): whoever meets it is told once, then everything works', async (code, value) => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(
      async ({ bridge: { CardBridge }, fake, errorOf }, { reader, value }) => {
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
        // In the middle of everything.
        const middle = errorOf(
          card.transaction(async (tx) => {
            await fake.tell(`stop-service ${value}`);
            await tx.transmit(select);
          }),
        );
        const met = (await middle).code;
        await fake.until('the loss', () => events.includes('service-lost'));
        const away = [
          (await errorOf(card.transmit(select))).code,
          (await errorOf(session.connect(reader))).code,
          (await errorOf(session.transaction(reader, () => {}))).code,
          (await errorOf(session.listReaders())).code,
        ];
        await fake.tell(`start-service ${value}`);
        await fake.until('the return', () => events.includes('service-restored'));
        const back = [
          await card.transmit(select),
          // Has not been used since, and its context is of the old one for ever.
          (await errorOf(idle.transmit(select))).code,
          await idle.transmit(select),
          await session.transaction(reader, (tx) => tx.transmit(select)),
          await (await session.connect(reader)).transmit(select),
          await session.listReaders(),
        ];
        watch.close();
        await bridge.close();
        return { met, away, back, events };
      },
      { reader, value },
    );
    expect(seen.met).toBe(code);
    expect(seen.away).toEqual(Array(4).fill('SCARD_E_NO_SERVICE'));
    expect(seen.back).toEqual(['9000', code, '9000', '9000', '9000', [reader]]);
    expect(seen.events).toEqual([...['reader-added', 'card-inserted', 'service-lost', 'service-restored']]);
  });
});

test('no service at first: errors at once, a watch that waits for it', async () => {
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

test('while the service is away, a watch asks seldom', async () => {
  const fake = new FakePcsc('stop-service');
  await fake.run(async ({ bridge: { CardBridge }, sleep }) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const watch = session.watch();
    await watch.next();
    await sleep(3000);
    watch.close();
    await bridge.close();
  });
  // 50, 100, 200, 400, 800, 1000 ms.
  expect(fake.calls('SCardEstablishContext').length).toBeLessThan(10);
});
