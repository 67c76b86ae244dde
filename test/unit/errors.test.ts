import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { closedError, type Failure, nestedError } from '../../src/errors.js';
import { AbortError, PcscError, TimeoutError } from '../../src/index.js';

const failure: Failure = {
  code: 'SCARD_E_SHARING_VIOLATION',
  value: 0x8010000b,
  text: 'Somebody else uses the card',
  operation: 'SCardConnect',
  reader: 'Reader 0',
  detail: 'a detail',
};

test('a PcscError keeps every detail, and states it in one sentence', () => {
  const error = new PcscError(failure);
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({
    name: 'PcscError',
    code: 'SCARD_E_SHARING_VIOLATION',
    value: 0x8010000b,
    operation: 'SCardConnect',
    reader: 'Reader 0',
    message:
      'SCardConnect on "Reader 0": Somebody else uses the card (a detail) [SCARD_E_SHARING_VIOLATION 0x8010000b]',
  });
});

test('without reader and detail the sentence has no gap', () => {
  const error = new PcscError({ ...failure, reader: '', detail: '', value: 5 });
  expect(error.reader).toBeUndefined();
  expect(error.message).toBe(
    'SCardConnect: Somebody else uses the card [SCARD_E_SHARING_VIOLATION 0x00000005]',
  );
});

describe('the error of a cancelled operation', () => {
  test('is an AbortError with the reason, like the platform’s', () => {
    expect(new AbortError('SCardTransmit', 'R', 'reason')).toMatchObject({
      name: 'AbortError',
      code: 'ABORT_ERR',
      cause: 'reason',
      message: 'SCardTransmit on "R" was aborted',
    });
  });

  test('is a TimeoutError that blames no card, for a question to the service', () => {
    expect(new TimeoutError('SCardListReaders', undefined, 20).message).toBe(
      'SCardListReaders did not end within 20 ms; the smart card service may be busy or hang',
    );
  });

  test('is a TimeoutError with the duration', () => {
    expect(new TimeoutError('acquire', undefined, 20)).toMatchObject({
      name: 'TimeoutError',
      code: 'TIMEOUT_ERR',
      timeout: 20,
      message: 'acquire did not end within 20 ms; another program may hold the card',
    });
    expect(new TimeoutError('acquire', 'R', undefined, { reason: 'why' })).toMatchObject({
      timeout: undefined,
      cause: 'why',
      message: 'acquire on "R" did not end within the time of its signal; another program may hold the card',
    });
  });
});

test('errors of this library have codes of their own', () => {
  expect(closedError('Card')).toMatchObject({
    code: 'BRIDGE_E_CLOSED',
    value: 0xe0100002,
    message: 'Card: The object was closed; open a new one [BRIDGE_E_CLOSED 0xe0100002]',
  });
  expect(nestedError('SCardConnect', 'R')).toMatchObject({
    code: 'BRIDGE_E_NESTED',
    value: 0xe0100006,
    reader: 'R',
  });
});

test('PcscErrorCode has exactly the codes of the native core', () => {
  const codesIn = (path: string) =>
    [...readFileSync(path, 'utf8').matchAll(/["']((?:SCARD|ERROR|RPC|BRIDGE)_[A-Z_\d]+)["']/g)].map(
      ([, code]) => code,
    );
  const native = new Set(codesIn('native/pcsc/status.cc'));
  native.delete('SCARD_S_SUCCESS');
  expect(new Set(codesIn('src/error-codes.ts'))).toEqual(native);
});

test('a timeout is reported in whole milliseconds', () => {
  expect(new TimeoutError('transaction', 'R', 20.4).message).toContain('within 20 ms');
});
