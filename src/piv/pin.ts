import { type ResponseApdu, SW } from '../apdu/index.js';
import { type ApduCard, send } from './command.js';
import { PivError, PivPinError } from './error.js';
import { PIN_REFERENCE } from './identifiers.js';

const VERIFY = 0x20;

const BLOCK_LENGTH = 8;
const MIN_LENGTH = 6;
const PADDING = 0xff;

/** 63 without a count (ISO/IEC 7816-4, table 6): the answer of cards that do not report the tries left. */
const WRONG_WITHOUT_COUNT = 0x6300;

/**
 * Asks for the tries left before the PIN is blocked: VERIFY without data (SP 800-73-4 part 2, 3.2.1), which does not
 * cost a try.
 *
 * @returns 0 if the PIN is blocked. Undefined if the card does not report the tries, as when the PIN is verified
 *   already.
 */
export async function pinRetriesLeft(card: ApduCard): Promise<number | undefined> {
  return (await send(card, { ins: VERIFY, p1: 0x00, p2: PIN_REFERENCE })).retriesLeft;
}

/**
 * Verifies the PIN (VERIFY, SP 800-73-4 part 2, 3.2.1). Every copy of the PIN that this function makes is wiped.
 *
 * @param pin - 6 to 8 characters. Pass bytes (ASCII, optionally padded with FF) to be able to wipe them afterwards; a
 *   string stays in memory until it is garbage-collected.
 * @throws {PivPinError} PIV_WRONG_PIN, PIV_PIN_BLOCKED, or PIV_PIN_MALFORMED, which does not cost a try.
 * @throws {PivError} PIV_REFUSED: the card answered with another status word.
 */
export async function verifyPin(card: ApduCard, pin: string | Uint8Array): Promise<void> {
  const block = pinBlock(pin);
  try {
    const response = await send(card, { ins: VERIFY, p1: 0x00, p2: PIN_REFERENCE, data: block });
    if (response.sw !== SW.OK) throw refusal(response);
  } finally {
    block.fill(0);
  }
}

/**
 * 8 bytes: the PIN, padded with FF (SP 800-73-4 part 2, 2.4.3). The standard requires decimal digits, but some real
 * cards are issued with other characters, so the card decides.
 */
function pinBlock(pin: string | Uint8Array): Uint8Array {
  // V8 does not move a buffer of its own, so wiping it leaves no copy.
  const block = new Uint8Array(new ArrayBuffer(BLOCK_LENGTH)).fill(PADDING);
  let length = pin.length;
  if (typeof pin !== 'string') while (length > MIN_LENGTH && pin[length - 1] === PADDING) length -= 1;
  let fits = pin.length <= BLOCK_LENGTH && length >= MIN_LENGTH;
  for (let i = 0; fits && i < length; i++) {
    const byte = typeof pin === 'string' ? pin.charCodeAt(i) : (pin[i] ?? 0);
    fits = byte >= 0x20 && byte <= 0x7e;
    block[i] = byte;
  }
  if (fits) return block;
  block.fill(0);
  throw new PivPinError('PIV_PIN_MALFORMED', 'A PIV PIN has 6 to 8 digits', undefined);
}

function refusal({ sw, retriesLeft }: ResponseApdu): PivError {
  const status = { statusWord: sw };
  if (sw === SW.AUTHENTICATION_BLOCKED) {
    return new PivPinError('PIV_PIN_BLOCKED', 'The PIN is blocked; the PUK unblocks it', 0, status);
  }
  if (retriesLeft === 0) {
    const what = 'The PIN is wrong, and this was the last try: it is now blocked until the PUK unblocks it';
    return new PivPinError('PIV_PIN_BLOCKED', what, 0, status);
  }
  if (retriesLeft !== undefined || sw === WRONG_WITHOUT_COUNT) {
    return new PivPinError('PIV_WRONG_PIN', 'The PIN is wrong', retriesLeft, status);
  }
  if (sw === SW.WRONG_DATA) {
    return new PivPinError(
      'PIV_PIN_MALFORMED',
      'The card does not accept a PIN of this form',
      undefined,
      status,
    );
  }
  return new PivError('PIV_REFUSED', 'The card did not verify the PIN', status);
}
