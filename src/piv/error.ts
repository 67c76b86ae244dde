import { describeStatusWord } from '../apdu/index.js';

/** The symbolic code of a PivError. */
export type PivErrorCode =
  /** The card has no PIV application. */
  | 'PIV_NOT_FOUND'
  /** The slot holds no certificate. */
  | 'PIV_NO_CERTIFICATE'
  /** The card has no CHUID, or a CHUID without a GUID. */
  | 'PIV_NO_GUID'
  /** PIV has no such key, or the key cannot do what was asked for. */
  | 'PIV_KEY_UNSUPPORTED'
  /** The PIN has a form that no PIV card accepts. The retry counter is unchanged. */
  | 'PIV_PIN_MALFORMED'
  | 'PIV_WRONG_PIN'
  | 'PIV_PIN_BLOCKED'
  /** The PUK has a form that no PIV card accepts. The retry counter is unchanged. */
  | 'PIV_PUK_MALFORMED'
  | 'PIV_WRONG_PUK'
  | 'PIV_PUK_BLOCKED'
  /** The key requires a verified PIN, possibly before each use. */
  | 'PIV_PIN_REQUIRED'
  /** The signature does not match the certificate. */
  | 'PIV_SIGNATURE_INVALID'
  /** The decrypted block is not padded as it should be: it was encrypted for another key, or in another way. */
  | 'PIV_DECRYPTION_FAILED'
  /** The card does not accept the management key, or does not have it itself. */
  | 'PIV_WRONG_MANAGEMENT_KEY'
  /** The command requires authentication with the management key first. */
  | 'PIV_MANAGEMENT_REQUIRED'
  /** The card's answer does not conform to the standard. */
  | 'PIV_MALFORMED'
  /** The card answered with any other status word. */
  | 'PIV_REFUSED';

export interface PivErrorOptions extends ErrorOptions {
  /** The status word of the card, if it reports a failure. */
  statusWord?: number | undefined;
}

/**
 * A PIV card refused a command, or its data is invalid. Failures of the transport are its own errors. The error never
 * contains a PIN.
 */
export class PivError extends Error {
  override readonly name: string = 'PivError';
  /** The status word of the card, if it reports a failure: `0x6a82`. */
  readonly statusWord: number | undefined;

  /** @param what - A sentence without its full stop. The meaning of the status word is appended. */
  constructor(
    readonly code: PivErrorCode,
    what: string,
    { statusWord, ...options }: PivErrorOptions = {},
  ) {
    super(statusWord === undefined ? `${what}.` : `${what}: ${inWords(statusWord)}.`, options);
    this.statusWord = statusWord;
  }
}

/** The PIN or PUK was wrong, is blocked, or has a form that no card accepts. */
export class PivPinError extends PivError {
  override readonly name = 'PivPinError';

  constructor(
    override readonly code: `PIV_WRONG_${'PIN' | 'PUK'}` | `PIV_${'PIN' | 'PUK'}_${'BLOCKED' | 'MALFORMED'}`,
    what: string,
    /** Tries left before the PIN or PUK is blocked; undefined if the card did not report them. */
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
