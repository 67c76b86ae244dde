import { afterAll, describe, expect, test } from 'vitest';
import { CardBridge, Transaction } from '../../src/index.js';
import { errorOf } from '../support/time.js';

// Everything here is rejected before PC/SC is called.
process.env['PCSCLITE_CSOCK_NAME'] = '/nonexistent/pcscd.comm';
const bridge = new CardBridge();
const session = await bridge.openSession();
const identity = { id: 1, connectTime: 1n };
afterAll(() => bridge.close());

/** Any value, even if TypeScript does not allow it. */
// biome-ignore lint/suspicious/noExplicitAny: that is what is tested
const any = (value: unknown): any => value;

async function expectRefusal(attempt: () => Promise<unknown>, kind: ErrorConstructor, sentence: RegExp) {
  // A method that returns a promise never throws; it rejects.
  const error = await errorOf<Error>(attempt());
  expect(error.constructor).toBe(kind);
  expect(error.message).toMatch(sentence);
  expect(error.message).not.toMatch(
    /undefined is not|Cannot (read|destructure)|is not (a function|iterable)/,
  );
}

type Case = [string, () => Promise<unknown>, ErrorConstructor, RegExp];

describe('CardBridge', () => {
  test.each([
    ['an invalid filter', { filter: 'maybe' }, /^filter must be one of 'on', 'off', 'system', not 'maybe'$/],
    ['a boolean filter', { filter: true }, /^filter must be one of/],
    ['null', null, /^options must be an object, not null$/],
  ])('%s', (_, options, sentence) => {
    expect(() => new CardBridge(any(options))).toThrow(sentence);
    expect(() => new CardBridge(any(options))).toThrow(TypeError);
  });

  test.each([
    ['a number', () => bridge.openSession(any(5)), TypeError, /^openSession takes .* not the number 5$/],
    ['null', () => bridge.openSession(any(null)), TypeError, /^openSession takes/],
    ['an empty query', () => bridge.openSession(any({})), TypeError, /^pid must be a number, not undefined$/],
    ['a pid of -1', () => bridge.openSession({ pid: -1 }), RangeError, /^pid must be a whole number/],
    ['a pid of 0', () => bridge.openSession({ pid: 0 }), RangeError, /^pid must be the number of a process/],
    ['a pid of 1.5', () => bridge.openSession({ pid: 1.5 }), RangeError, /^pid must be a whole number/],
    ['a pid of 2^32', () => bridge.openSession({ pid: 2 ** 32 }), RangeError, /^pid must be a whole number/],
    [
      'a pid as text',
      () => bridge.openSession({ pid: any('1') }),
      TypeError,
      /^pid must be a number, not a string/,
    ],
    [
      'an empty user',
      () => bridge.openSession({ ...identity, userId: '' }),
      TypeError,
      /^userId must be a uid in decimal or a SID, not ''$/,
    ],
    [
      'a user by number',
      () => bridge.openSession(any({ ...identity, userId: 1000 })),
      TypeError,
      /^userId must be .* not the number 1000$/,
    ],
    ['an id alone', () => bridge.openSession(any({ id: 1 })), TypeError, /^connectTime must be a bigint/],
    [
      'a connect time as a number',
      () => bridge.openSession(any({ id: 1, connectTime: 1 })),
      TypeError,
      /not the number 1$/,
    ],
    [
      'a negative connect time',
      () => bridge.openSession({ id: 1, connectTime: -1n }),
      RangeError,
      /^connectTime must be/,
    ],
    [
      'a connect time of 65 bits',
      () => bridge.openSession({ id: 1, connectTime: 2n ** 64n }),
      RangeError,
      /^connectTime/,
    ],
    [
      'a negative id',
      () => bridge.openSession({ id: -1, connectTime: 1n }),
      RangeError,
      /^a session id must be/,
    ],
    [
      'an id as text',
      () => bridge.openSession(any({ id: 'x', connectTime: 1n })),
      TypeError,
      /^a session id must be/,
    ],
  ] as Case[])('openSession: %s', (_, attempt, kind, sentence) => expectRefusal(attempt, kind, sentence));

  test('openSession: a process that does not exist', async () => {
    const error = await errorOf<Error>(bridge.openSession({ pid: 0xffff_fff0 }));
    expect(error).toMatchObject({ name: 'PcscError', code: 'BRIDGE_E_SESSION_UNKNOWN' });
  });
});

describe('CardCache', () => {
  test.each([
    [
      'no identity',
      () => bridge.cache.acquire(any(undefined), 'R'),
      TypeError,
      /^a session identity is an object/,
    ],
    ['no target', () => bridge.cache.acquire(identity, any(undefined)), TypeError, /^target must/],
    ['an empty target', () => bridge.cache.acquire(identity, any({})), TypeError, /^target must/],
    [
      'an empty name',
      () => bridge.cache.acquire(identity, ''),
      TypeError,
      /^reader must be the name of a reader/,
    ],
    [
      'a number for a reader',
      () => bridge.cache.acquire(identity, { reader: any(1) }),
      TypeError,
      /^reader must be/,
    ],
    [
      'a card id as text',
      () => bridge.cache.acquire(identity, { cardId: any('1234') }),
      TypeError,
      /^cardId must be/,
    ],
    [
      'a card id of 15 bytes',
      () => bridge.cache.acquire(identity, { cardId: new Uint8Array(15) }),
      RangeError,
      /^a cardId has 16 bytes, this one has 15$/,
    ],
    [
      'an invalid timeout',
      () => bridge.cache.acquire(identity, 'R', { timeout: -5 }),
      RangeError,
      /^timeout must be/,
    ],
  ] as Case[])('acquire: %s', (_, attempt, kind, sentence) => expectRefusal(attempt, kind, sentence));

  test('evict: without an identity', () => {
    expect(() => bridge.cache.evict(any(undefined))).toThrow(TypeError);
    expect(() => bridge.cache.evict(any({ id: 1 }))).toThrow(/^connectTime must be a bigint/);
  });
});

describe('SessionContext', () => {
  test.each([
    [
      'listReaders: an invalid timeout',
      () => session.listReaders({ timeout: any('soon') }),
      TypeError,
      /^timeout must be/,
    ],
    [
      'connect: no reader',
      () => session.connect(any(undefined)),
      TypeError,
      /^reader must be .* not undefined$/,
    ],
    ['connect: a name with a NUL', () => session.connect('a\0b'), TypeError, /^reader must be/],
    [
      'connect: null for options',
      () => session.connect('R', any(null)),
      TypeError,
      /^options must be an object/,
    ],
    [
      'connect: an invalid share mode',
      () => session.connect('R', { shareMode: any('mine') }),
      TypeError,
      /^shareMode must be one of 'exclusive', 'shared', 'direct', not 'mine'$/,
    ],
    [
      'connect: a share mode of the prototype',
      () => session.connect('R', { shareMode: any('toString') }),
      TypeError,
      /^shareMode must be/,
    ],
    [
      'connect: protocols as one word',
      () => session.connect('R', { protocols: any('T=1') }),
      TypeError,
      /^protocols must be an array/,
    ],
    [
      'connect: an invalid protocol',
      () => session.connect('R', { protocols: [any('T=2')] }),
      TypeError,
      /^protocols must be/,
    ],
    [
      'connect: an invalid signal',
      () => session.connect('R', { signal: any({}) }),
      TypeError,
      /^signal must be an AbortSignal/,
    ],
    [
      'transaction: no callback',
      () => session.transaction('R', any(undefined)),
      TypeError,
      /^a transaction's callback must be a function/,
    ],
    ['transaction: no target', () => session.transaction(any(null), () => {}), TypeError, /^target must/],
    [
      'transaction: an invalid disposition',
      () => session.transaction('R', () => {}, { disposition: any('burn') }),
      TypeError,
      /^disposition must be one of 'leave', 'reset', 'unpower', 'eject', not 'burn'$/,
    ],
    [
      'transaction: null for options',
      () => session.transaction('R', () => {}, any(null)),
      TypeError,
      /^options must be/,
    ],
  ] as Case[])('%s', (_, attempt, kind, sentence) => expectRefusal(attempt, kind, sentence));

  test('watch: a bad signal', () => {
    expect(() => session.watch({ signal: any('now') })).toThrow(TypeError);
    expect(() => session.watch(any(5))).toThrow(/^options must be an object/);
  });
});

describe('Transaction', () => {
  const tx = new Transaction({
    connection: any({ transmit: () => Promise.reject(new Error('must not be asked')) }),
    reader: 'R',
    cardWasReset: false,
    waited: undefined,
    disposition: 'leave',
  });
  test.each([
    ['no APDU', () => tx.transmit(any(undefined)), TypeError, /^apdu must be a Uint8Array, not undefined$/],
    [
      'an APDU in hex',
      () => tx.transmit(any('00A40400')),
      TypeError,
      /^apdu must be a Uint8Array, not a string$/,
    ],
    ['an APDU as numbers', () => tx.transmit(any([0, 0xa4, 4, 0])), TypeError, /not an array$/],
    ['an APDU of other units', () => tx.transmit(any(new Uint16Array(4))), TypeError, /Uint16Array/],
    ['an empty APDU', () => tx.transmit(new Uint8Array()), RangeError, /at least 4 bytes .* this one has 0$/],
    ['an APDU of 3 bytes', () => tx.transmit(new Uint8Array(3)), RangeError, /this one has 3$/],
    [
      'an APDU that is too long',
      () => tx.transmit(new Uint8Array(65_545)),
      RangeError,
      /at most 65544 bytes, this one has 65545$/,
    ],
    [
      'a control code as text',
      () => tx.control(any('x'), new Uint8Array()),
      TypeError,
      /^code must be a number/,
    ],
    [
      'a negative control code',
      () => tx.control(-1, new Uint8Array()),
      RangeError,
      /^code must be a whole number/,
    ],
    ['input as text', () => tx.control(1, any('x')), TypeError, /^input must be a Uint8Array/],
    [
      'an attribute of 33 bits',
      () => tx.getAttribute(2 ** 32),
      RangeError,
      /^attribute must be a whole number of 32 bits/,
    ],
    ['no attribute', () => tx.getAttribute(any(undefined)), TypeError, /^attribute must be a number/],
  ] as Case[])('%s', (_, attempt, kind, sentence) => expectRefusal(attempt, kind, sentence));

  test('an invalid disposition', () => {
    expect(() => {
      tx.disposition = any('burn');
    }).toThrow(TypeError);
    expect(tx.disposition).toBe('leave');
  });
});
