/** What the Web Smart Card API asks of the PC/SC library. Names in quotes are those of Chromium's tests of the API. */
import { describe, expect, test } from 'vitest';
import { FakePcsc, onWindows } from '../../support/fake-pcsc.js';

const reader = 'Reader 00 00';
const script = [`reader "${reader}"`, `card "${reader}" 3B00 T=1`, `answer "${reader}" - 9000`];
const onCard = ['Connect', 'BeginTransaction', 'EndTransaction', 'Transmit', 'Disconnect'];

describe('a call of a connection is a call of PC/SC', () => {
  test('"Transmit", "Control", "GetAttribute", "SetAttribute": numbers and bytes, there and back', async () => {
    const fake = new FakePcsc(
      ...script,
      `answer "${reader}" 030201 0C22`,
      `control "${reader}" 42 0C22`,
      `attribute "${reader}" 42 0C22`,
    );
    const seen = await fake.run(async ({ web: { smartCard } }, reader) => {
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      const bytes = Uint8Array.of(3, 2, 1);
      const seen = {
        transmit: await connection.transmit(bytes),
        control: await connection.control(42, bytes),
        before: await connection.getAttribute(42),
        set: await connection.setAttribute(42, bytes),
        after: await connection.getAttribute(42),
      };
      await connection.disconnect('eject');
      return seen;
    }, reader);
    expect(seen).toEqual({ transmit: '0C22', control: '0C22', before: '0C22', after: '030201' });
    expect(fake.calls('SCardConnect')).toMatchObject([{ reader, share: 2, protocols: 2 }]);
    const { handle } = fake.calls('SCardConnect')[0]?.done ?? {};
    expect(fake.calls('SCardTransmit')).toMatchObject([{ handle, protocol: 2, apdu: '030201' }]);
    expect(fake.calls('SCardControl')).toMatchObject([{ handle, code: 42, input: '030201' }]);
    expect(fake.calls('SCardSetAttrib')).toMatchObject([{ handle, id: 42 }]);
    // "Disconnect": passes the disposition.
    expect(fake.calls('SCardDisconnect')).toMatchObject([{ handle, disposition: 3 }]);
  });

  test('"TransmitWithOptions": a direct connection sends with the given protocol', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ web: { smartCard }, errorOf }, reader) => {
      const context = await smartCard.establishContext();
      const { connection, activeProtocol } = await context.connect(reader, 'direct');
      const bytes = Uint8Array.of(3, 2, 1);
      const without = await errorOf(connection.transmit(bytes));
      // The stand-in has no protocol for this handle.
      const given = await errorOf(connection.transmit(bytes, { protocol: 't0' }));
      await connection.disconnect();
      return { activeProtocol, without, given };
    }, reader);
    expect(seen).toMatchObject({
      without: { name: 'InvalidStateError' },
      given: { name: 'SmartCardError', responseCode: 'proto-mismatch' },
    });
    expect(fake.calls('SCardConnect')).toMatchObject([{ share: 3, protocols: 0 }]);
    expect(fake.calls('SCardTransmit')).toMatchObject([{ protocol: 1, apdu: '030201' }]);
  });

  test('"StartTransaction": begin, transmit, and end with the disposition; a context costs nothing', async () => {
    const fake = new FakePcsc(...script);
    await fake.run(async ({ web: { smartCard } }, reader) => {
      const contexts = await Promise.all(Array.from({ length: 5 }, () => smartCard.establishContext()));
      const { connection } = await (contexts[0] as (typeof contexts)[0]).connect(reader, 'shared', {
        preferredProtocols: ['t1'],
      });
      for (const disposition of ['leave', 'reset', 'unpower', 'eject'] as const) {
        await connection.startTransaction(async () => {
          await connection.transmit(Uint8Array.of(0, 0xa4, 4, 0));
          return disposition;
        });
      }
      await connection.disconnect();
    }, reader);
    const sequence = fake.sequence(onCard);
    expect(sequence.filter((call) => call.startsWith('End'))).toEqual([
      'EndTransaction leave',
      'EndTransaction reset',
      'EndTransaction unpower',
      'EndTransaction eject',
    ]);
    expect(sequence.slice(0, 4)).toEqual(['Connect', 'BeginTransaction', 'Transmit', 'EndTransaction leave']);
    // One for questions about readers, one for the card.
    expect(fake.calls('SCardEstablishContext').length).toBe(2);
  });
});

describe('a call that fails', () => {
  const cases = [
    ['transmit', 'SCardTransmit', '0x80100068', { name: 'SmartCardError', responseCode: 'reset-card' }],
    ['status', 'SCardStatus', '0x80100069', { name: 'SmartCardError', responseCode: 'removed-card' }],
    ['control', 'SCardControl', '0x8010000b', { name: 'SmartCardError', responseCode: 'sharing-violation' }],
    ['control', 'SCardControl', '0x80100004', { name: 'TypeError' }],
    ['getAttribute', 'SCardGetAttrib', '0x80100010', { name: 'SmartCardError', responseCode: 'not-ready' }],
    ['setAttribute', 'SCardSetAttrib', '0x80100006', { name: 'UnknownError' }],
    ['startTransaction', 'SCardBeginTransaction', '0x80100069', { responseCode: 'removed-card' }],
    ['disconnect', 'SCardDisconnect', '0x80100003', { name: 'InvalidStateError' }],
    ['connect', 'SCardConnect', '0x80100066', { responseCode: 'unresponsive-card' }],
    ['listReaders', 'SCardListReaders', '0x80100031', { responseCode: 'server-too-busy' }],
    ['transmit', 'SCardTransmit', '0x8010000a', { name: 'UnknownError' }], // SCARD_E_TIMEOUT
    ['transmit', 'SCardTransmit', '0x80100018', { name: 'AbortError' }], // SCARD_P_SHUTDOWN
    ...(['transmit', 'status', 'control', 'getAttribute', 'setAttribute', 'connect'] as const).map(
      (method) =>
        [
          method,
          {
            transmit: 'SCardTransmit',
            status: 'SCardStatus',
            control: 'SCardControl',
            getAttribute: 'SCardGetAttrib',
            setAttribute: 'SCardSetAttrib',
            connect: 'SCardConnect',
          }[method],
          '0x8010001d',
          { name: 'SmartCardError', responseCode: 'no-service' },
        ] as const,
    ),
  ] as const;

  test.each(cases)('%s: %s returns %s', async (method, name, code, expected) => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(
      async ({ web: { smartCard }, fake, errorOf }, { reader, method, name, code }) => {
        const context = await smartCard.establishContext();
        const connect = () => context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
        const { connection } = await connect();
        const bytes = Uint8Array.of(0, 0xa4, 4, 0);
        let ran = false;
        const calls = {
          transmit: () => connection.transmit(bytes),
          status: () => connection.status(),
          control: () => connection.control(42, bytes),
          getAttribute: () => connection.getAttribute(42),
          setAttribute: () => connection.setAttribute(42, bytes),
          disconnect: () => connection.disconnect('reset'),
          startTransaction: () =>
            connection.startTransaction(async () => {
              ran = true;
              return 'leave';
            }),
          connect,
          listReaders: () => context.listReaders(),
        };
        // A question about readers is asked again if its context has failed.
        fake.write(`on ${name} ${name === 'SCardListReaders' ? 'always ' : ''}fail ${code}`);
        const error = await errorOf(calls[method]());
        await connection.disconnect().catch(() => {});
        return { error, ran };
      },
      { reader, method, name, code },
    );
    expect(seen).toMatchObject({ error: expected, ran: false });
  });

  test('"ListReadersEmpty": no reader is an empty array', async () => {
    const fake = new FakePcsc('set semantics windows', `set status-is-mask ${onWindows ? 'no' : 'yes'}`);
    const names = await fake.run(async ({ web: { smartCard } }) =>
      (await smartCard.establishContext()).listReaders(),
    );
    expect(names).toEqual([]);
  });

  test('"EndTransactionFails": rejects with the code of the end', async () => {
    const fake = new FakePcsc(...script, 'on SCardEndTransaction fail 0x80100069');
    const error = await fake.run(async ({ web: { smartCard }, errorOf }, reader) => {
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      const error = await errorOf(connection.startTransaction(async () => 'leave'));
      await connection.disconnect().catch(() => {});
      return error;
    }, reader);
    expect(error).toMatchObject({ name: 'SmartCardError', responseCode: 'removed-card' });
  });

  test('"EndTransactionAfterFailedOperation": ends with a reset nevertheless', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ web: { smartCard }, fake, errorOf }, reader) => {
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      let transmitted: Promise<unknown> | undefined;
      const error = await errorOf(
        connection.startTransaction(async () => {
          fake.write('on SCardTransmit fail 0x8010002f');
          transmitted = errorOf(connection.transmit(Uint8Array.of(0, 0xa4, 4, 0)));
          return 'reset';
        }),
      );
      const failure = await transmitted;
      await connection.disconnect();
      return { error, failure };
    }, reader);
    expect(seen).toMatchObject({ error: { name: 'InvalidStateError' }, failure: { name: 'UnknownError' } });
    expect(fake.sequence(onCard)).toEqual([
      'Connect',
      'BeginTransaction',
      'Transmit',
      'EndTransaction reset',
      'Disconnect leave',
    ]);
  });

  test('"OngoingTransmitOnTransactionReturn", "DisconnectedOnTransactionReturn": the end and its absence', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ web: { smartCard }, fake, errorOf }, reader) => {
      const context = await smartCard.establishContext();
      const connect = async () =>
        (await context.connect(reader, 'shared', { preferredProtocols: ['t1'] })).connection;
      const first = await connect();
      let transmitted: Promise<ArrayBuffer> | undefined;
      fake.write('on SCardTransmit stick');
      const ongoing = errorOf(
        first.startTransaction(async () => {
          transmitted = first.transmit(Uint8Array.of(0, 0xa4, 4, 0));
          return 'eject';
        }),
      );
      await fake.stuck('SCardTransmit');
      const ended = fake.calls('SCardEndTransaction').length;
      fake.write('go SCardTransmit');
      const seen = { ongoing: await ongoing, transmitted: await transmitted, ended };
      await first.disconnect();

      const second = await connect();
      const disconnected = await errorOf(
        second.startTransaction(async () => {
          await second.disconnect('unpower');
          return 'eject';
        }),
      );
      return { ...seen, disconnected };
    }, reader);
    expect(seen).toMatchObject({
      ongoing: { name: 'InvalidStateError' },
      transmitted: '9000',
      ended: 0,
      disconnected: { name: 'InvalidStateError' },
    });
    const sequence = fake.sequence(onCard);
    expect(sequence.slice(0, 4)).toEqual(['Connect', 'BeginTransaction', 'Transmit', 'EndTransaction eject']);
    expect(sequence.filter((call) => call === 'EndTransaction eject')).toHaveLength(1);
  });
});

describe('objects that are no longer used', () => {
  test('"ContextDiesConnectionStays", "ReleaseContextOnGC": a connection holds its handle, and its garbage collection releases it', async () => {
    const fake = new FakePcsc(...script, `control "${reader}" 42 0C22`);
    const seen = await fake.run(async ({ web: { smartCard }, fake }, reader) => {
      process.getBuiltinModule('node:v8').setFlagsFromString('--expose-gc');
      const gc = process.getBuiltinModule('node:vm').runInNewContext('gc') as () => void;
      const connect = async () => {
        const context = await smartCard.establishContext();
        const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
        return { connection, context: new WeakRef(context) };
      };
      const used = await connect();
      const collect = async (gone: () => boolean) => {
        for (let i = 0; i < 1000; i++) {
          await new Promise(setImmediate);
          gc(); // before the look, which keeps the object for the rest of this task
          if (gone()) return true;
        }
        return false;
      };
      const contextDied = await collect(() => used.context.deref() === undefined);
      const answer = await used.connection.control(42, new Uint8Array());
      await used.connection.disconnect();

      await connect();
      const left = () => fake.left().filter((what) => what.startsWith('card'));
      return { contextDied, answer, released: await collect(() => left().length === 0) };
    }, reader);
    expect(seen).toEqual({ contextDied: true, answer: '0C22', released: true });
    expect(fake.calls('SCardDisconnect').map(({ disposition }) => disposition)).toEqual([0, 0]);
  });

  test('an aborted call that hangs in the library: the next operation connects again', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ web: { smartCard }, fake }, reader) => {
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      fake.write('on SCardBeginTransaction stick');
      const abort = new AbortController();
      let ran = 0;
      const callback = async () => {
        ran++;
        return 'leave' as const;
      };
      const started = connection.startTransaction(callback, { signal: abort.signal });
      await fake.stuck('SCardBeginTransaction');
      abort.abort('enough');
      const reason = await started.catch((error: unknown) => error);
      const answer = await connection.transmit(Uint8Array.of(0, 0xa4, 4, 0));
      await connection.startTransaction(callback);
      fake.write('go SCardBeginTransaction');
      await connection.disconnect();
      return { reason, answer, ran };
    }, reader);
    expect(seen).toEqual({ reason: 'enough', answer: '9000', ran: 1 });
    expect(fake.calls('SCardConnect').length).toBe(2);
  });

  test('"ConnectionDiesWithOperationInProgress": a service that stops in a transmit', async () => {
    const fake = new FakePcsc(...script);
    const seen = await fake.run(async ({ web: { smartCard }, fake, errorOf }, reader) => {
      const context = await smartCard.establishContext();
      const { connection } = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      fake.write('on SCardTransmit stick');
      const transmitted = errorOf(connection.transmit(Uint8Array.of(0, 0xa4, 4, 0)));
      await fake.stuck('SCardTransmit');
      await fake.tell('stop-service 0x8010001e');
      fake.write('go SCardTransmit');
      const during = await transmitted;
      const later = await errorOf(connection.status());
      await connection.disconnect('reset');
      await fake.tell('start-service');
      const again = await context.connect(reader, 'shared', { preferredProtocols: ['t1'] });
      await again.connection.disconnect();
      return { during, later };
    }, reader);
    expect(seen).toMatchObject({
      during: { name: 'InvalidStateError' },
      later: { name: 'InvalidStateError' },
    });
  });
});
