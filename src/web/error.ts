/** The exceptions of the Web Smart Card API, and the PC/SC codes that they stand for. */
import type { PcscErrorCode } from '../error-codes.js';
import { PcscError } from '../errors.js';
import type { SmartCardResponseCode } from './types.js';

/** Options of a SmartCardError. */
export interface SmartCardErrorOptions {
  responseCode: SmartCardResponseCode;
  /** The PcscError that the exception stands for. Not part of the specification. */
  cause?: unknown;
}

/** A failed PC/SC call (SmartCardError). Its `cause` is the PcscError, with the PC/SC code and function. */
export class SmartCardError extends DOMException {
  readonly #responseCode: SmartCardResponseCode;

  constructor(message: string | undefined, options: SmartCardErrorOptions) {
    if (typeof options !== 'object' || options === null || !allResponseCodes.has(options.responseCode)) {
      throw new TypeError('a SmartCardError needs a valid responseCode');
    }
    super(message, { name: 'SmartCardError', ...('cause' in options ? { cause: options.cause } : {}) });
    this.#responseCode = options.responseCode;
  }

  /** The PC/SC code: `'sharing-violation'` is SCARD_E_SHARING_VIOLATION. */
  get responseCode(): SmartCardResponseCode {
    return this.#responseCode;
  }
}

const responseCodes: Readonly<Partial<Record<PcscErrorCode, SmartCardResponseCode>>> = {
  SCARD_E_NO_SERVICE: 'no-service',
  // A host without a PC/SC library has no service either.
  BRIDGE_E_LIBRARY_MISSING: 'no-service',
  SCARD_E_NO_SMARTCARD: 'no-smartcard',
  SCARD_E_NOT_READY: 'not-ready',
  SCARD_E_NOT_TRANSACTED: 'not-transacted',
  SCARD_E_PROTO_MISMATCH: 'proto-mismatch',
  SCARD_E_READER_UNAVAILABLE: 'reader-unavailable',
  SCARD_W_REMOVED_CARD: 'removed-card',
  SCARD_W_RESET_CARD: 'reset-card',
  SCARD_E_SERVER_TOO_BUSY: 'server-too-busy',
  SCARD_E_SHARING_VIOLATION: 'sharing-violation',
  SCARD_E_SYSTEM_CANCELLED: 'system-cancelled',
  SCARD_E_UNKNOWN_READER: 'unknown-reader',
  SCARD_W_UNPOWERED_CARD: 'unpowered-card',
  SCARD_W_UNRESPONSIVE_CARD: 'unresponsive-card',
  SCARD_W_UNSUPPORTED_CARD: 'unsupported-card',
  SCARD_E_UNSUPPORTED_FEATURE: 'unsupported-feature',
};
const allResponseCodes: ReadonlySet<unknown> = new Set(Object.values(responseCodes));

const exceptionNames: Readonly<Partial<Record<PcscErrorCode, string>>> = {
  SCARD_E_INVALID_HANDLE: 'InvalidStateError',
  SCARD_E_SERVICE_STOPPED: 'InvalidStateError',
  SCARD_P_SHUTDOWN: 'AbortError',
  ERROR_INVALID_HANDLE: 'InvalidStateError',
  BRIDGE_E_ABANDONED: 'InvalidStateError',
  BRIDGE_E_CLOSED: 'InvalidStateError',
  BRIDGE_E_NOT_CONNECTED: 'InvalidStateError',
};

/** Returns the exception that corresponds to a PcscError (the specification's SmartCardError section); others as they are. */
export function exceptionOf(error: unknown): unknown {
  if (!(error instanceof PcscError)) return error;
  const { code, message } = error;
  const responseCode = responseCodes[code];
  if (responseCode !== undefined) return new SmartCardError(message, { responseCode, cause: error });
  if (code === 'SCARD_E_INVALID_PARAMETER') return new TypeError(message, { cause: error });
  return new DOMException(message, { name: exceptionNames[code] ?? 'UnknownError', cause: error });
}

/** @param message - A sentence without its full stop. */
export function invalidState(message: string): DOMException {
  return new DOMException(message, 'InvalidStateError');
}
