import { describe, expect, test } from 'vitest';
import type { PcscErrorCode } from '../../../src/error-codes.js';
import { PcscError } from '../../../src/errors.js';
import { exceptionOf } from '../../../src/web/error.js';
import { SmartCardError, type SmartCardResponseCode } from '../../../src/web/index.js';

function failure(code: PcscErrorCode): PcscError {
  return new PcscError({
    code,
    value: 1,
    text: 'It failed',
    operation: 'SCardConnect',
    reader: '',
    detail: '',
  });
}

describe('the exception for a PC/SC code', () => {
  test.each<[PcscErrorCode, SmartCardResponseCode]>([
    ['SCARD_E_NO_SERVICE', 'no-service'],
    ['SCARD_E_NO_SMARTCARD', 'no-smartcard'],
    ['SCARD_E_NOT_READY', 'not-ready'],
    ['SCARD_E_NOT_TRANSACTED', 'not-transacted'],
    ['SCARD_E_PROTO_MISMATCH', 'proto-mismatch'],
    ['SCARD_E_READER_UNAVAILABLE', 'reader-unavailable'],
    ['SCARD_W_REMOVED_CARD', 'removed-card'],
    ['SCARD_W_RESET_CARD', 'reset-card'],
    ['SCARD_E_SERVER_TOO_BUSY', 'server-too-busy'],
    ['SCARD_E_SHARING_VIOLATION', 'sharing-violation'],
    ['SCARD_E_SYSTEM_CANCELLED', 'system-cancelled'],
    ['SCARD_E_UNKNOWN_READER', 'unknown-reader'],
    ['SCARD_W_UNPOWERED_CARD', 'unpowered-card'],
    ['SCARD_W_UNRESPONSIVE_CARD', 'unresponsive-card'],
    ['SCARD_W_UNSUPPORTED_CARD', 'unsupported-card'],
    ['SCARD_E_UNSUPPORTED_FEATURE', 'unsupported-feature'],
    ['BRIDGE_E_LIBRARY_MISSING', 'no-service'],
  ])('%s is a SmartCardError: %s', (code, responseCode) => {
    const error = failure(code);
    const exception = exceptionOf(error);
    expect(exception).toBeInstanceOf(SmartCardError);
    expect(exception).toMatchObject({ name: 'SmartCardError', responseCode, cause: error });
    expect(exception).toMatchObject({ message: expect.stringContaining('It failed') });
  });

  test.each<[PcscErrorCode, string]>([
    ['SCARD_E_INVALID_HANDLE', 'InvalidStateError'],
    ['SCARD_E_SERVICE_STOPPED', 'InvalidStateError'],
    ['BRIDGE_E_CLOSED', 'InvalidStateError'],
    ['SCARD_P_SHUTDOWN', 'AbortError'],
    ['SCARD_E_TIMEOUT', 'UnknownError'],
    ['SCARD_F_COMM_ERROR', 'UnknownError'],
  ])('%s is a DOMException: %s', (code, name) => {
    const exception = exceptionOf(failure(code));
    expect(exception).toBeInstanceOf(DOMException);
    expect(exception).not.toBeInstanceOf(SmartCardError);
    expect(exception).toMatchObject({ name });
  });

  test('SCARD_E_INVALID_PARAMETER is a TypeError', () => {
    expect(exceptionOf(failure('SCARD_E_INVALID_PARAMETER'))).toBeInstanceOf(TypeError);
  });

  test('other errors stay as they are', () => {
    const error = new RangeError('mine');
    expect(exceptionOf(error)).toBe(error);
    expect(exceptionOf(undefined)).toBeUndefined();
  });
});

describe('SmartCardError', () => {
  test('can be made by programs, such as mocks', () => {
    const error = new SmartCardError('Busy', { responseCode: 'server-too-busy' });
    expect(error).toBeInstanceOf(DOMException);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject({ name: 'SmartCardError', message: 'Busy', responseCode: 'server-too-busy' });
    expect(error.code).toBe(0);
    expect('cause' in error).toBe(false);
    expect(new SmartCardError(undefined, { responseCode: 'reset-card' }).message).toBe('');
  });

  test('needs a valid response code', () => {
    expect(() => new SmartCardError('', { responseCode: 'nonsense' as 'reset-card' })).toThrow(TypeError);
    expect(() => new SmartCardError('', undefined as never)).toThrow(TypeError);
  });
});
