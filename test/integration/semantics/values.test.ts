/** Differences between the libraries that must not show: numbers, masks, lengths of fields. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const insert = (atr: string, ...protocols: string[]) => [
  `reader "${reader}"`,
  `card "${reader}" ${atr} ${protocols.join(' ')}`,
];
const raw = onWindows ? 0x10000 : 4;

describe('protocols', () => {
  const cases = [
    { speaks: 'T=0', asked: ['T=0', 'T=1'] as const, number: 3, active: 1 },
    { speaks: 'T=1', asked: ['T=0', 'T=1'] as const, number: 3, active: 2 },
    { speaks: 'raw', asked: ['raw'] as const, number: raw, active: raw },
    { speaks: 'raw', asked: ['T=0', 'T=1', 'raw'] as const, number: 3 | raw, active: raw },
  ];
  test.each(cases)(
    '$speaks for $asked: the platform’s number in the call, the name in the result',
    async (one) => {
      const fake = new FakePcsc(...insert('3B00', one.speaks), `answer "${reader}" - 9000`);
      const seen = await fake.run(
        async ({ bridge: { CardBridge } }, { reader, asked }) => {
          const bridge = new CardBridge();
          const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
          const card = await session.connect(reader, { protocols: asked });
          const { protocol } = await card.status();
          const own = card.protocol;
          const answer = await card.transmit(Uint8Array.of(0, 0xa4, 0, 0));
          await card.reconnect();
          await bridge.close();
          return { protocol, own, answer };
        },
        { reader, asked: one.asked },
      );
      expect(seen).toEqual({ protocol: one.speaks, own: one.speaks, answer: '9000' });
      expect(fake.calls('SCardConnect')[0]).toMatchObject({ protocols: one.number, share: 2 });
      expect(fake.calls('SCardReconnect')[0]).toMatchObject({
        protocols: one.number,
        share: 2,
        disposition: 0,
      });
      expect(fake.calls('SCardTransmit')[0]).toMatchObject({ protocol: one.active });
    },
  );

  test('that the card does not support are a mismatch', async () => {
    const fake = new FakePcsc(...insert('3B00', 'T=1'));
    const error = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const error = await errorOf(session.connect(reader, { protocols: ['T=0'] }));
      await bridge.close();
      return error;
    }, reader);
    expect(error).toMatchObject({ code: 'SCARD_E_PROTO_MISMATCH', operation: 'SCardConnect', reader });
  });
});

test('share modes: exclusive keeps other programs out, direct needs no card', async () => {
  const fake = new FakePcsc(...insert('3B00', 'T=1'), 'reader Empty');
  const errors = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const alone = await session.connect(reader, { shareMode: 'exclusive' });
    const meanwhile = await errorOf(session.connect(reader));
    await alone.close();
    const shared = await session.connect(reader);
    const notAlone = await errorOf(session.connect(reader, { shareMode: 'exclusive' }));
    await shared.close();
    fake.write(`exclusive "${reader}"`);
    const byOther = await errorOf(session.connect(reader));
    fake.write(`shared "${reader}"`);
    const direct = await session.connect('Empty', { shareMode: 'direct' });
    const empty = await errorOf(session.connect('Empty'));
    await direct.close();
    await bridge.close();
    return { meanwhile, notAlone, byOther, empty };
  }, reader);
  expect(errors).toMatchObject({
    meanwhile: { code: 'SCARD_E_SHARING_VIOLATION' },
    notAlone: { code: 'SCARD_E_SHARING_VIOLATION' },
    byOther: { code: 'SCARD_E_SHARING_VIOLATION' },
    empty: { code: 'SCARD_E_NO_SMARTCARD' },
  });
  const modes = fake.calls('SCardConnect').map(({ share, protocols }) => [share, protocols]);
  expect(modes).toEqual([
    [1, 3],
    [2, 3],
    [2, 3],
    [1, 3],
    [2, 3],
    [3, 0],
    [2, 3],
  ]); // prettier-ignore
});

test('dispositions are passed as their numbers', async () => {
  const fake = new FakePcsc(...insert('3B00', 'T=1'));
  await fake.run(async ({ bridge: { CardBridge } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    for (const disposition of ['leave', 'reset', 'unpower', 'eject'] as const) {
      const card = await session.connect(reader);
      await card.transaction(() => {}, { disposition });
      await card.disconnect(disposition);
    }
    await bridge.close();
  }, reader);
  expect(fake.calls('SCardEndTransaction').map(({ disposition }) => disposition)).toEqual([0, 1, 2, 3]);
  expect(fake.calls('SCardDisconnect').map(({ disposition }) => disposition)).toEqual([0, 1, 2, 3]);
});

test.each([
  { what: 'a card in use', lines: insert('3B6800', 'T=1'), state: 'specific', atr: '3B6800' },
  { what: 'a raw card', lines: insert('3B6800', 'raw'), state: 'negotiable', atr: '3B6800' },
  { what: 'an empty reader', lines: [`reader "${reader}"`], state: 'absent', atr: '' },
  {
    what: 'a card after 70000 insertions and removals',
    lines: [...insert('3B00', 'T=1'), `events "${reader}" 70000`],
    state: 'specific',
    atr: '3B00',
  },
])('the state of $what is the same from a mask and from an enumeration', async ({ lines, state, atr }) => {
  const fake = new FakePcsc(...lines);
  const status = await fake.run(
    async ({ bridge: { CardBridge } }, { reader, direct }) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n });
      const card = await session.connect(
        reader,
        direct ? { shareMode: 'direct' } : { protocols: ['T=0', 'T=1', 'raw'] },
      );
      const status = await card.status();
      await bridge.close();
      return status;
    },
    { reader, direct: state === 'absent' },
  );
  expect(status).toMatchObject({ state, atr });
});

test.each([2, 32, 33])('an ATR of %i bytes fits the fields of both', async (length) => {
  const atr = Array.from({ length }, (_, index) => (index + 0x3b).toString(16).padStart(2, '0'))
    .join('')
    .toUpperCase();
  const fake = new FakePcsc(...insert(atr, 'T=1'));
  const atrs = await fake.run(async ({ bridge: { CardBridge } }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n });
    const card = await session.connect(reader);
    const { atr: status } = await card.status();
    let watched: Uint8Array | undefined;
    for await (const event of session.watch()) {
      if (event.type !== 'card-inserted') continue;
      watched = event.atr;
      break;
    }
    await session.transaction(reader, () => {});
    const cached = bridge.cache.entries()[0]?.atr;
    await bridge.close();
    return { status, watched, cached };
  }, reader);
  expect(atrs).toEqual({ status: atr, watched: atr, cached: atr });
});
