import { ResponseApdu } from '../apdu/index.js';
import type { WaitOptions } from '../support/cancellation.js';
import type { Controllable } from './control-code.js';
import { CcidError, type CcidErrorCode } from './error.js';
import { type ReaderFeatures, readFeatures } from './features.js';
import { encodePinModify, encodePinVerify, type PinChange, type PinEntry } from './pin-structure.js';

/**
 * Limits how long the program waits. A timeout or signal does not end the entry on the reader: only the reader's own
 * timeout or its user does.
 */
export interface PinPadOptions extends WaitOptions {
  /**
   * The result of an earlier `readFeatures`. Some readers claim to have a keypad and have none: leave those features
   * out, or pass `{}`.
   * @default read from the reader
   */
  features?: ReaderFeatures | undefined;
}

/** Status words that come from the reader instead of the card (PC/SC part 10, PIN_VERIFY and PIN_MODIFY). */
const padAnswers: Record<number, [CcidErrorCode, string]> = {
  25600: ['CCID_TIMEOUT', 'No PIN was entered on the reader in time.'],
  25601: ['CCID_CANCELLED', 'The entry of the PIN was cancelled on the reader.'],
  25602: ['CCID_PINS_DIFFER', 'The new PIN and its repetition differ.'],
  25603: ['CCID_PIN_LENGTH', 'The PIN entered on the reader is too short or too long.'],
  27520: ['CCID_PARAMETER', 'The reader refuses a value of the PIN structure.'],
};

/**
 * Asks the user for a PIN on the reader's keypad; the reader inserts it into the command and sends that to the card
 * (FEATURE_VERIFY_PIN_DIRECT). The PIN never reaches this host. Use it within a transaction.
 *
 * @returns The card's response. A wrong PIN is a status word (63Cx), not an exception.
 * @throws {CcidError} CCID_NO_FEATURE: the reader has no keypad or does not offer this feature. The reader's own
 *   results: CCID_TIMEOUT, CCID_CANCELLED, CCID_PIN_LENGTH, CCID_PARAMETER.
 * @throws {RangeError | TypeError | MalformedApduError} As `encodePinVerify`.
 * @throws {PcscError} The codes of SCardControl.
 */
export async function verifyPinOnPad(
  card: Controllable,
  options: PinEntry & PinPadOptions,
): Promise<ResponseApdu> {
  return enter(card, 'verifyPinDirect', encodePinVerify(options), options);
}

/**
 * Changes a PIN on the reader's keypad (FEATURE_MODIFY_PIN_DIRECT). The reader asks for the current PIN if
 * `currentPinAt` is given, and for the new one, twice by default.
 *
 * @returns The card's response.
 * @throws {CcidError} As `verifyPinOnPad`; also CCID_PINS_DIFFER.
 * @throws {RangeError | TypeError | MalformedApduError} As `encodePinModify`.
 * @throws {PcscError} The codes of SCardControl.
 */
export async function modifyPinOnPad(
  card: Controllable,
  options: PinChange & PinPadOptions,
): Promise<ResponseApdu> {
  return enter(card, 'modifyPinDirect', encodePinModify(options), options);
}

async function enter(
  card: Controllable,
  feature: 'verifyPinDirect' | 'modifyPinDirect',
  structure: Uint8Array,
  options: PinPadOptions,
): Promise<ResponseApdu> {
  const { timeout, signal } = options;
  const wait = { timeout, signal };
  const { features = await readFeatures(card, wait) } = options;
  const code = features[feature];
  if (code === undefined) {
    const purpose = feature === 'verifyPinDirect' ? 'verify' : 'change';
    throw new CcidError('CCID_NO_FEATURE', `This reader has no keys on which to ${purpose} a PIN.`);
  }
  let response: ResponseApdu;
  try {
    response = ResponseApdu.parse(await card.control(code, structure, wait));
  } finally {
    structure.fill(0); // the template may contain a PUK
  }
  const [problem, sentence] = padAnswers[response.sw] ?? [];
  if (problem !== undefined && sentence !== undefined) throw new CcidError(problem, sentence, response.sw);
  return response;
}
