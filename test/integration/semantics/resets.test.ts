/** Another program resets or removes the card, and each library reports it in its own way. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`, `answer "${reader}" 00 9000`];
const transacting = ['Reconnect', 'BeginTransaction', 'EndTransaction', 'Transmit'];

describe.each([
  { told: 'by SCardBeginTransaction (pcsc-lite, Windows 8)', lines: [] as string[], skip: false },
  {
    told: 'only by the call after it (Windows 7, Server 2008)',
    lines: ['set begin-tells-of-reset no'],
    skip: !onWindows,
  },
])('a reset reported $told', ({ lines, skip }) => {
  test('sets cardWasReset, and the transaction continues on the reconnected card', async (context) => {
    context.skip(skip, 'only the Windows build asks SCardStatus after each Begin');
    const fake = new FakePcsc(...script, ...lines);
    const seen = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await session.connect(reader);
      const select = Uint8Array.of(0, 0xa4, 4, 0);
      const wasReset = () =>
        card.transaction(async (tx) => {
          await tx.transmit(select);
          return tx.cardWasReset;
        });
      const before = await wasReset();
      await fake.tell(`reset "${reader}"`);
      const after = await wasReset();
      const later = await wasReset();
      await bridge.close();
      return { before, after, later };
    }, reader);
    expect(seen).toEqual({ before: false, after: true, later: false });
    expect(fake.calls('SCardReconnect').map(({ disposition }) => disposition)).toEqual([0]);
    // No command reached the card between the reset and the reconnect.
    const sequence = fake.sequence(transacting);
    expect(sequence.slice(sequence.indexOf('Reconnect leave'))).toEqual([
      'Reconnect leave',
      ...['BeginTransaction', 'Transmit', 'EndTransaction leave'],
      ...['BeginTransaction', 'Transmit', 'EndTransaction leave'],
    ]);
  });

  test('at the end of our own transaction is not reported', async (context) => {
    context.skip(skip, 'only the Windows build asks SCardStatus after each Begin');
    const fake = new FakePcsc(...script, ...lines);
    const seen = await fake.run(async ({ bridge: { CardBridge } }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await session.connect(reader);
      const seen: boolean[] = [];
      for (let i = 0; i < 3; i++) {
        await card.transaction((tx) => void seen.push(tx.cardWasReset), { disposition: 'reset' });
      }
      const response = await card.transmit(Uint8Array.of(0, 0xa4, 4, 0));
      await bridge.close();
      return { seen, response };
    }, reader);
    expect(seen).toEqual({ seen: [false, false, false], response: '9000' });
  });

  test('of a cached card is detected, and the card is connected again', async (context) => {
    context.skip(skip, 'only the Windows build asks SCardStatus after each Begin');
    const fake = new FakePcsc(...script, ...lines);
    const lookups = await fake.run(async ({ bridge: { CardBridge }, fake }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const look = () =>
        session.transaction(reader, async (tx) => {
          await tx.transmit(Uint8Array.of(0, 0xa4, 4, 0));
          return { fresh: tx.lookup?.fresh, valid: tx.lookup?.evaluated.map(({ valid }) => valid) };
        });
      const lookups = [await look(), await look()];
      await fake.tell(`reset "${reader}"`);
      lookups.push(await look());
      await bridge.close();
      return lookups;
    }, reader);
    expect(lookups).toEqual([
      { fresh: true, valid: [] },
      { fresh: false, valid: [true] },
      { fresh: true, valid: [false] },
    ]);
  });
});

describe('a single command after a reset', () => {
  test.each([
    {
      onReset: 'error' as const,
      met: 'SCARD_W_RESET_CARD',
      sent: ['Transmit', 'Reconnect leave', 'Transmit'],
    },
    {
      onReset: 'reconnect' as const,
      met: '9000',
      sent: ['Transmit', 'Reconnect leave', 'Transmit', 'Transmit'],
    },
  ])("onReset '$onReset': $met", async ({ onReset, met, sent }) => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(
      async ({ bridge: { CardBridge }, fake }, { reader, onReset }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
        const card = await session.connect(reader, { onReset });
        const select = Uint8Array.of(0, 0xa4, 4, 0);
        const transmit = () =>
          card.transmit(select).then(
            (response) => response,
            (error) => error.code as string,
          );
        await fake.tell(`reset "${reader}"`);
        const seen = { met: await transmit(), next: await transmit() };
        await bridge.close();
        return seen;
      },
      { reader, onReset },
    );
    expect(seen).toEqual({ met, next: '9000' });
    // On Windows the command has a transaction of its own, whose Begin reports the reset.
    expect(fake.sequence(['Transmit', 'Reconnect'])).toEqual(onWindows ? sent.slice(1) : sent);
  });
});

test('a reset within a transaction rejects in the callback, and the card is released', async () => {
  const fake = new FakePcsc(...script, `on SCardTransmit skip 1 do reset "${reader}"`);
  const { error, next } = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
    const card = await session.connect(reader);
    const select = Uint8Array.of(0, 0xa4, 4, 0);
    const error = await errorOf(
      card.transaction(async (tx) => {
        await tx.transmit(select);
        await tx.transmit(select);
      }),
    );
    const next = await card.transaction((tx) => tx.transmit(select));
    await bridge.close();
    return { error, next };
  }, reader);
  expect(error).toMatchObject({ code: 'SCARD_W_RESET_CARD', operation: 'SCardTransmit', reader });
  expect(next).toBe('9000');
  expect(fake.sequence(['EndTransaction'])).toEqual(['EndTransaction reset', 'EndTransaction leave']);
});

describe.each([
  { what: 'the card', command: 'card-gone', code: 'SCARD_W_REMOVED_CARD', without: 'SCARD_E_NO_SMARTCARD' },
  {
    what: 'the reader',
    command: 'reader-gone',
    code: 'SCARD_E_READER_UNAVAILABLE',
    without: 'SCARD_E_UNKNOWN_READER',
  },
])('$what removed within a transaction', ({ command, code, without }) => {
  test.each(['of a card of one’s own', 'of a cached card'])('%s', async (kind) => {
    const fake = new FakePcsc(...script, `on SCardTransmit skip 1 do ${command} "${reader}"`);
    const seen = await fake.run(
      async ({ bridge: { CardBridge }, fake, errorOf }, { reader, own, script }) => {
        const bridge = new CardBridge();
        const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
        const select = Uint8Array.of(0, 0xa4, 4, 0);
        const card = own ? await session.connect(reader) : undefined;
        const transact = () => {
          const callback = async (tx: { transmit(apdu: Uint8Array): Promise<Uint8Array> }) => {
            await tx.transmit(select);
            return tx.transmit(select);
          };
          return card ? card.transaction(callback) : session.transaction(reader, callback);
        };
        const meanwhile = await errorOf(transact());
        const without = await errorOf(transact());
        const entries = bridge.cache.entries().length;
        await fake.tell(...script);
        const again = await transact();
        await bridge.close();
        return { meanwhile, without, entries, again };
      },
      { reader, own: kind.includes('own'), script },
    );
    expect(seen).toMatchObject({
      meanwhile: { code, operation: 'SCardTransmit', reader },
      without: { code: without, operation: 'SCardConnect', reader },
      entries: 0,
      again: '9000',
    });
  });
});

test('a card removed and inserted again between two uses is detected by the handle alone', async () => {
  const fake = new FakePcsc(...script);
  const seen = await fake.run(async ({ bridge: { CardBridge }, fake, errorOf }, reader) => {
    const bridge = new CardBridge();
    const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
    const card = await session.connect(reader);
    await fake.tell(`swap "${reader}"`);
    const error = await errorOf(card.transmit(Uint8Array.of(0, 0xa4, 4, 0)));
    const response = await card.transmit(Uint8Array.of(0, 0xa4, 4, 0));
    await fake.tell(`swap "${reader}"`);
    // The Begin of the transaction reports it.
    const begin = await errorOf(card.transaction(() => {}));
    const wasReset = await card.transaction((tx) => tx.cardWasReset);
    await bridge.close();
    return { error, response, begin, wasReset };
  }, reader);
  expect(seen).toMatchObject({
    error: { code: 'SCARD_W_REMOVED_CARD' },
    response: '9000',
    begin: { code: 'SCARD_W_REMOVED_CARD' },
    wasReset: true,
  });
});

describe('an idle transaction', () => {
  test('is ended by idleTimeout, which resets the card and releases it', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ bridge: { CardBridge }, errorOf }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await session.connect(reader);
      const forever = new Promise<void>(() => {});
      const error = await errorOf(card.transaction(() => forever, { idleTimeout: 50 }));
      const cached = await errorOf(session.transaction(reader, () => forever, { idleTimeout: 50 }));
      const next = await card.transaction((tx) => tx.transmit(Uint8Array.of(0, 0xa4, 4, 0)));
      await bridge.close();
      return { error, cached, next };
    }, reader);
    expect(seen).toMatchObject({
      error: { code: 'SCARD_W_RESET_CARD', reader },
      cached: { code: 'SCARD_W_RESET_CARD', reader },
      next: '9000',
    });
    expect(fake.sequence(['EndTransaction'])).toEqual([
      'EndTransaction reset',
      'EndTransaction reset',
      'EndTransaction leave',
    ]);
  });

  test('requests the status every two seconds with keepAlive', async () => {
    const fake = new FakePcsc(...script);
    await fake.run(async ({ bridge: { CardBridge }, sleep }, reader) => {
      const bridge = new CardBridge();
      const session = await bridge.openSession({ id: 1, connectTime: 1n, unknownLastUser: 'trust' });
      const card = await session.connect(reader);
      await card.transaction(() => sleep(5000), { keepAlive: true });
      await bridge.close();
    }, reader);
    const [begin] = fake.calls('SCardBeginTransaction');
    const [end] = fake.calls('SCardEndTransaction');
    const kept = fake
      .calls('SCardStatus')
      .filter(({ us }) => us > (begin?.done?.us ?? 0) + 1_000_000 && us < (end?.us ?? 0));
    expect(kept).toHaveLength(2);
    const times = [begin?.done?.us ?? 0, ...kept.map(({ us }) => us)];
    for (const [index, time] of times.entries()) {
      if (index === 0) continue;
      const pause = (time - (times[index - 1] ?? 0)) / 1000;
      expect(pause).toBeGreaterThan(1800);
      expect(pause).toBeLessThan(2700);
    }
  });
});
