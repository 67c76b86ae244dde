/** The form of a recording: plain data, for a JSON file that people can read and edit. */

/** One command and the card's response to it, in hexadecimal. */
export interface RecordedExchange {
  /** The command APDU. The bytes of a PIN or key are `**`. */
  command: string;
  /** The response data and the status word. */
  response: string;
}

/** The commands of a test and their responses, in order. */
export interface CardRecording {
  /** The version of this form. */
  schema: 1;
  /** Answer to reset (ISO/IEC 7816-3) in hexadecimal, if it was given to the recorder. */
  atr?: string;
  exchanges: RecordedExchange[];
}
