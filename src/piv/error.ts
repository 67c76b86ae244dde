import { describeStatusWord } from '../apdu/index.js';

/** What can go wrong between a host and a PIV card, for programs. */
export type PivErrorCode =
  /** The card lets no PIV application be selected. */
  | 'PIV_NOT_FOUND'
  /** The slot holds no certificate. */
  | 'PIV_NO_CERTIFICATE'
  /** The card holds no CHUID, or one without a GUID. */
  | 'PIV_NO_GUID'
  /** The key is neither RSA with 2048 bits nor EC on P-256. */
  | 'PIV_KEY_UNSUPPORTED'
  /** The PIN has a form that no PIV card takes; no try was spent. */
  | 'PIV_PIN_MALFORMED'
  | 'PIV_WRONG_PIN'
  | 'PIV_PIN_BLOCKED'
  /** The key may be used only after the PIN, or right after it. */
  | 'PIV_PIN_REQUIRED'
  /** The card signed, but not with the key of its certificate. */
  | 'PIV_SIGNATURE_INVALID'
  /** The card answered with something that is not what the standard describes. */
  | 'PIV_MALFORMED'
  /** Any other status word. */
  | 'PIV_REFUSED';

export interface PivErrorOptions extends ErrorOptions {
  /** The status word the card answered with, if it was one that failed. */
  statusWord?: number | undefined;
}

/**
 * A PIV card did not do what it was asked, or cannot be what it says it is. What happens below, between host
 * and reader, comes as the transport's own errors. No PIN is ever part of it.
 */
export class PivError extends Error {
  override readonly name: string = 'PivError';
  /** The card's answer, where it is one that failed: `0x6a82`. */
  readonly statusWord: number | undefined;

  /** `what` is a sentence without its full stop; the status word is added in words. */
  constructor(
    readonly code: PivErrorCode,
    what: string,
    { statusWord, ...options }: PivErrorOptions = {},
  ) {
    super(statusWord === undefined ? `${what}.` : `${what}: ${inWords(statusWord)}.`, options);
    this.statusWord = statusWord;
  }
}

/** The PIN was wrong, is blocked, or has a form that no card takes. */
export class PivPinError extends PivError {
  override readonly name = 'PivPinError';

  constructor(
    override readonly code: 'PIV_WRONG_PIN' | 'PIV_PIN_BLOCKED' | 'PIV_PIN_MALFORMED',
    what: string,
    /** Tries before the PIN is blocked; undefined where the card did not say. */
    readonly retriesLeft: number | undefined,
    options: PivErrorOptions = {},
  ) {
    super(code, what, options);
  }
}

function inWords(statusWord: number): string {
  const digits = statusWord.toString(16).toUpperCase().padStart(4, '0');
  return `${describeStatusWord(statusWord)} (status word ${digits})`;
}
