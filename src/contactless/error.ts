import { describeStatusWord } from '../apdu/index.js';

/** The symbolic code of a ContactlessError. */
export type ContactlessErrorCode =
  /** The reader or the card does not know the command: it is no contactless reader, or another kind of card. */
  | 'CONTACTLESS_UNSUPPORTED'
  /** The block is protected: load the right key and authenticate first. */
  | 'CONTACTLESS_NOT_AUTHENTICATED'
  /** The card does not accept the key. */
  | 'CONTACTLESS_WRONG_KEY'
  /** The card has no NDEF message. */
  | 'CONTACTLESS_NO_NDEF'
  /** The data on the card does not have the form of the standard. */
  | 'CONTACTLESS_MALFORMED'
  /** The reader answered with any other status word. */
  | 'CONTACTLESS_REFUSED';

/** A reader or a contactless card refused a command, or its data is invalid. The error never contains a key. */
export class ContactlessError extends Error {
  override readonly name = 'ContactlessError';
  /** The status word of the reader, if it reports a failure: `0x6300`. */
  readonly statusWord: number | undefined;

  /** @param what - A sentence without its full stop. The meaning of the status word is appended. */
  constructor(
    readonly code: ContactlessErrorCode,
    what: string,
    statusWord?: number,
  ) {
    super(statusWord === undefined ? `${what}.` : `${what}: ${describeStatusWord(statusWord)}.`);
    this.statusWord = statusWord;
  }
}
