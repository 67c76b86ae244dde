/** What goes wrong, for programs (codes) and for people (sentences). */
import type { PcscErrorCode } from './error-codes.js';
import { printable } from './printable.js';

/** A failure as the native core reports it. */
export interface Failure {
  /** Symbolic: `SCARD_E_SHARING_VIOLATION`, or one of ours, `BRIDGE_E_CLOSED`. */
  code: PcscErrorCode;
  /** The code as a number, unsigned: 0x8010000b. */
  value: number;
  /** A sentence: what happened and what can be done. */
  text: string;
  /** The PC/SC or system function that failed: `SCardConnect`. */
  operation: string;
  /** The reader concerned, or ''. */
  reader: string;
  /** More, where it is known, or ''. */
  detail: string;
}

/** A failed PC/SC call. Keeps everything that is known about it. */
export class PcscError extends Error {
  override readonly name = 'PcscError';
  /** Symbolic code: `'SCARD_E_SHARING_VIOLATION'`. */
  readonly code: PcscErrorCode;
  /** The code as a number: `0x8010000b`. */
  readonly value: number;
  /** The PC/SC function that failed: `'SCardConnect'`. */
  readonly operation: string;
  /** The reader concerned. */
  readonly reader: string | undefined;

  constructor(failure: Failure) {
    super(sentence(failure));
    this.code = failure.code;
    this.value = failure.value;
    this.operation = failure.operation;
    this.reader = failure.reader || undefined;
  }
}

/** A wait ended by its `AbortSignal`; `cause` is the signal's reason. */
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

/** Why a call may take long, by its operation; `causeOnCard` for all others. */
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

/** A wait that lasted longer than its `timeout`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT_ERR';
  readonly operation: string;
  readonly reader: string | undefined;
  /** Milliseconds; undefined if the time came with a signal (`AbortSignal.timeout`). */
  readonly timeout: number | undefined;

  /** @param waitedFor - What the call is known to have waited for; else the usual cause of a long wait. */
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
 * Gives an error that was made in a callback of the native core the stack of the call that failed. To be called in the catch
 * block of an async function that awaits the call.
 */
export function traceToCaller<T>(error: T): T {
  if (error instanceof PcscError || error instanceof TimeoutError || error instanceof AbortError) {
    Error.captureStackTrace(error, traceToCaller);
  }
  return error;
}

/** The error for a transaction without use for too long: the card was reset and released. */
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

/** The error for something used after its `close()`, or closed while it was waited for. */
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

/** The error for waiting, inside a transaction, for that same transaction to end. */
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
