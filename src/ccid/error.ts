/** What can go wrong with a reader's features, for programs. */
export type CcidErrorCode =
  /** The reader or its driver does not have this feature. */
  | 'CCID_NO_FEATURE'
  /** The driver's answer is not what PC/SC part 10 describes. */
  | 'CCID_MALFORMED'
  /** 6400: nobody entered a PIN in time. */
  | 'CCID_TIMEOUT'
  /** 6401: the user pressed the cancel key. */
  | 'CCID_CANCELLED'
  /** 6402: the new PIN and its repetition differ. */
  | 'CCID_PINS_DIFFER'
  /** 6403: the PIN is shorter or longer than allowed. */
  | 'CCID_PIN_LENGTH'
  /** 6B80: the reader does not like a value of the PIN structure. */
  | 'CCID_PARAMETER';

/** The reader did not do what it was asked. What happens below it comes as PcscError. */
export class CcidError extends Error {
  override readonly name = 'CcidError';

  constructor(
    readonly code: CcidErrorCode,
    message: string,
    /** The status word by which the reader said so, if it was one: `0x6401`. */
    readonly statusWord?: number,
  ) {
    super(message);
  }
}
