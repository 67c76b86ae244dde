/** What goes wrong, for programs (codes) and for people (sentences). */
import { printable } from './printable.js';

/** A failure as the native core reports it. */
export interface Failure {
  /** Symbolic: `SCARD_E_SHARING_VIOLATION`, or one of ours, `BRIDGE_E_CLOSED`. */
  code: string;
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
  readonly code: string;
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

/** Calls that another program's transaction does not keep waiting. */
const waitForService = new Set([
  'SCardListReaders',
  'SCardListReaderGroups',
  'SCardIsValidContext',
  'SCardEndTransaction',
]);

/** A wait that lasted longer than its `timeout`. */
export class TimeoutError extends Error {
  override readonly name = 'TimeoutError';
  readonly code = 'TIMEOUT_ERR';
  readonly operation: string;
  readonly reader: string | undefined;
  /** Milliseconds; undefined where the time came with a signal (`AbortSignal.timeout`). */
  readonly timeout: number | undefined;

  constructor(operation: string, reader: string | undefined, timeout: number | undefined, reason?: unknown) {
    const time = timeout === undefined ? 'the time of its signal' : `${timeout} ms`;
    const cause = waitForService.has(operation)
      ? 'the smart card service may be busy or hang'
      : 'another program may hold the card';
    super(
      `${operation}${on(reader)} did not end within ${time}; ${cause}`,
      reason === undefined ? undefined : { cause: reason },
    );
    this.operation = operation;
    this.reader = reader;
    this.timeout = timeout;
  }
}

/** The error for a transaction that nobody used for too long: the card was reset and let go. */
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
