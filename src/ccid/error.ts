/** The symbolic code of a CcidError. */
export type CcidErrorCode =
  /** The reader or its driver does not have this feature. */
  | 'CCID_NO_FEATURE'
  /** The driver's answer does not conform to PC/SC part 10. */
  | 'CCID_MALFORMED'
  /** 6400: the user did not enter a PIN in time. */
  | 'CCID_TIMEOUT'
  /** 6401: the user pressed the cancel key. */
  | 'CCID_CANCELLED'
  /** 6402: the new PIN and its repetition differ. */
  | 'CCID_PINS_DIFFER'
  /** 6403: the PIN is shorter or longer than allowed. */
  | 'CCID_PIN_LENGTH'
  /** 6B80: the reader rejects a value of the PIN structure. */
  | 'CCID_PARAMETER';

/** A reader feature failed. Failures of SCardControl itself are PcscErrors. */
export class CcidError extends Error {
  override readonly name = 'CcidError';

  constructor(
    readonly code: CcidErrorCode,
    message: string,
    /** The status word of the reader, if there was one: `0x6401`. */
    readonly statusWord?: number,
  ) {
    super(message);
  }
}
