import {
  CommandApdu,
  type CommandFields,
  exchange,
  MalformedApduError,
  MalformedTlvError,
  type ResponseApdu,
  SW,
} from '../apdu/index.js';
import { PivError } from './error.js';

/**
 * An object that sends APDUs to a card: a `Transaction` (which excludes other programs' commands), a `Card`, or an
 * object with a `transmit` that adds a timeout or an `AbortSignal`.
 */
export interface ApduCard {
  /** Sends a command APDU and returns the response with its status word. */
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
  /** Sends a command and returns its whole response, in one call. Without it, `transmit` sends each part. */
  exchange?(command: CommandApdu): Promise<ResponseApdu>;
}

/** Sends a command to the PIV application, with class byte 00, and returns its whole response. */
export function send(card: ApduCard, fields: Omit<CommandFields, 'cla'>): Promise<ResponseApdu> {
  const command = new CommandApdu({ cla: 0x00, ...fields });
  return understand('The card answered with bytes that are not a response', () =>
    card.exchange ? card.exchange(command) : exchange((apdu) => card.transmit(apdu), command),
  );
}

/**
 * Runs `read`, which decodes a card's bytes.
 *
 * @throws {PivError} PIV_MALFORMED, with `sentence`, if the bytes are malformed. Other errors pass through.
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

/**
 * Checks the response to a command of the card's management.
 *
 * @param what - What did not happen, a sentence without its full stop.
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED or PIV_REFUSED.
 */
export function requireManagement({ sw, ok }: ResponseApdu, what: string): void {
  if (ok) return;
  if (sw === SW.SECURITY_STATUS_NOT_SATISFIED) {
    const first = `${what}: authenticate with the management key first`;
    throw new PivError('PIV_MANAGEMENT_REQUIRED', first, { statusWord: sw });
  }
  throw new PivError('PIV_REFUSED', what, { statusWord: sw });
}
