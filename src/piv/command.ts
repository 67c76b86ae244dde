import {
  CommandApdu,
  type CommandFields,
  exchange,
  MalformedApduError,
  MalformedTlvError,
  type ResponseApdu,
} from '../apdu/index.js';
import { PivError } from './error.js';

/**
 * Whatever moves APDUs to a card and back: a `Transaction` (which keeps other programs' commands from getting
 * in between), a `Card`, or an object with a `transmit` that adds a timeout or an `AbortSignal`.
 */
export interface ApduCard {
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

/** A command to the PIV application, whose class byte is always 00, and its whole response. */
export function send(card: ApduCard, command: Omit<CommandFields, 'cla'>): Promise<ResponseApdu> {
  return understand('The card answered with bytes that are not a response', () =>
    exchange((apdu) => card.transmit(apdu), new CommandApdu({ cla: 0x00, ...command })),
  );
}

/**
 * What `read` makes of a card's bytes.
 *
 * @throws {PivError} PIV_MALFORMED, with `sentence`, where they are malformed; other errors pass.
 */
export async function understand<T>(sentence: string, read: () => T | Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (cause) {
    if (cause instanceof MalformedApduError || cause instanceof MalformedTlvError) {
      throw new PivError('PIV_MALFORMED', sentence, { cause });
    }
    throw cause;
  }
}
