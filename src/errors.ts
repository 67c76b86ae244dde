/** Errors: codes for programs, and sentences for people. */
import type { PcscErrorCode } from './error-codes.js';
import { printable } from './printable.js';

/** A failure as the native core reports it. */
export interface Failure {
  /** The symbolic code: `SCARD_E_SHARING_VIOLATION`, or one of this library, `BRIDGE_E_CLOSED`. */
  code: PcscErrorCode;
  /** The code as a number, unsigned: 0x8010000b. */
  value: number;
  /** A sentence: what happened and what can be done. */
  text: string;
  /** The PC/SC or system function that failed: `SCardConnect`. */
  operation: string;
  /** The reader concerned, or ''. */
  reader: string;
  /** Further detail, or ''. */
  detail: string;
}

/** A failed PC/SC call. Its message says what happened and what to do. */
export class PcscError extends Error {
  override readonly name = 'PcscError';
  /** Symbolic code: `'SCARD_E_SHARING_VIOLATION'`. */
  readonly code: PcscErrorCode;
  /** The code as an unsigned number: `0x8010000b`. */
  readonly value: number;
  /** The PC/SC or system function that failed: `'SCardConnect'`. */
  readonly operation: string;
  /** The reader concerned, if any. */
  readonly reader: string | undefined;

  constructor(failure: Failure) {
    super(sentence(failure));
    this.code = failure.code;
    this.value = failure.value;
    this.operation = failure.operation;
    this.reader = failure.reader || undefined;
  }
}

/** A call ended by its `AbortSignal`. `cause` is the signal's reason. */
export class AbortError extends Error {
  override readonly name = 'AbortError';
  readonly code = 'ABORT_ERR';
  readonly operation: string;
  readonly reader: string | undefined;

  constructor(operation: string, reader: string | undefined, reason: unknown) {
    super(`${operation}${on(reader)} was aborted`, { cause: reason });
    this.operation = operation;
    this.reader = reader;
  }
}

/** The usual cause of a long wait, by operation; `causeOnCard` for all others. */
const causes: Record<string, string> = {
  SCardListReaders: 'the smart card service may be busy or hang',
  SCardListReaderGroups: 'the smart card service may be busy or hang',
  SCardIsValidContext: 'the smart card service may be busy or hang',
  SCardEndTransaction: 'the smart card service may be busy or hang',
  readerStates: 'the smart card service may be busy or hang',
  waitForCard: 'no such card was inserted',
  watch: 'a watch goes on until it is ended',
  connectLocally: 'the server may be busy or hang',
};
const causeOnCard = 'another program may hold the card';

/** A call ended by its `timeout`, or by a signal of `AbortSignal.timeout`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT_ERR';
  readonly operation: string;
  readonly reader: string | undefined;
  /** The timeout in milliseconds; undefined if a signal of `AbortSignal.timeout` ended the call. */
  readonly timeout: number | undefined;

  /** @param waitedFor - The known cause of the wait; by default the usual cause for this operation. */
  constructor(
    operation: string,
    reader: string | undefined,
    timeout: number | undefined,
    { reason, waitedFor }: { reason?: unknown; waitedFor?: string | undefined } = {},
  ) {
    const time = timeout === undefined ? 'the time of its signal' : `${Math.round(timeout)} ms`;
    const cause = waitedFor ?? causes[operation] ?? causeOnCard;
    super(
      `${operation}${on(reader)} did not end within ${time}; ${cause}`,
      reason === undefined ? undefined : { cause: reason },
    );
    this.operation = operation;
    this.reader = reader;
    this.timeout = timeout;
  }
}

/**
 * Gives an error from a callback of the native core the stack of the failed call. Call it in the catch block of an
 * async function that awaits the call.
 */
export function traceToCaller<T>(error: T): T {
  if (error instanceof PcscError || error instanceof TimeoutError || error instanceof AbortError) {
    Error.captureStackTrace(error, traceToCaller);
  }
  return error;
}

/** The error of a transaction that was idle for too long: the card was reset and released. */
export function idleError(reader: string, idleTimeout: number): PcscError {
  return new PcscError({
    code: 'SCARD_W_RESET_CARD',
    value: 0x80100068,
    text: `The transaction was not used for ${idleTimeout} ms and was ended; begin a new one`,
    operation: 'Transaction',
    reader,
    detail: '',
  });
}

/** The error of an object that is used after its `close()`, or closed during a call. */
export function closedError(what: string): PcscError {
  return new PcscError({
    code: 'BRIDGE_E_CLOSED',
    value: 0xe0100002,
    text: 'The object was closed; open a new one',
    operation: what,
    reader: '',
    detail: '',
  });
}

/** The error of code in a transaction that would wait for that same transaction to end. */
export function nestedError(operation: string, reader: string): PcscError {
  return new PcscError({
    code: 'BRIDGE_E_NESTED',
    value: 0xe0100006,
    text:
      'This code runs in a transaction on this card and would wait for itself; use the transaction that the ' +
      'callback was given',
    operation,
    reader,
    detail: '',
  });
}

function on(reader: string | undefined): string {
  return reader ? ` on "${printable(reader)}"` : '';
}

function sentence(failure: Failure): string {
  const number = `0x${failure.value.toString(16).padStart(8, '0')}`;
  const detail = failure.detail ? ` (${failure.detail})` : '';
  return `${failure.operation}${on(failure.reader)}: ${failure.text}${detail} [${failure.code} ${number}]`;
}
