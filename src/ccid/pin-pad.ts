import { ResponseApdu } from '../apdu/index.js';
import type { WaitOptions } from '../support/cancellation.js';
import type { Controllable } from './control-code.js';
import { CcidError, type CcidErrorCode } from './error.js';
import { type ReaderFeatures, readFeatures } from './features.js';
import { encodePinModify, encodePinVerify, type PinChange, type PinEntry } from './pin-structure.js';

/**
 * How long the program waits, apart from how long the reader does. Giving up here does not end the entry on
 * the reader, which can only time out or be cancelled by its user.
 */
export interface PinPadOptions extends WaitOptions {
  /** As `readFeatures` gave them, where they have been read already. */
  features?: ReaderFeatures | undefined;
}

/** What the reader itself answers in the card's place (PC/SC part 10, PIN_VERIFY and PIN_MODIFY). */
const padAnswers: Record<number, [CcidErrorCode, string]> = {
  25600: ['CCID_TIMEOUT', 'No PIN was entered on the reader in time.'],
  25601: ['CCID_CANCELLED', 'The entry of the PIN was cancelled on the reader.'],
  25602: ['CCID_PINS_DIFFER', 'The new PIN and its repetition differ.'],
  25603: ['CCID_PIN_LENGTH', 'The PIN entered on the reader is too short or too long.'],
  27520: ['CCID_PARAMETER', 'The reader refuses a value of the PIN structure.'],
};

/**
 * Has the user enter a PIN on the reader's own keys, which puts it into the command and sends that to the card
 * (FEATURE_VERIFY_PIN_DIRECT): the PIN never reaches this host. Gives the card's response; a wrong PIN is a
 * status word there (63Cx), not an exception. Use it within a transaction.
 *
 * @throws {CcidError} CCID_NO_FEATURE: the reader has no keys, or no such feature; or what the reader says:
 *   CCID_TIMEOUT, CCID_CANCELLED, CCID_PIN_LENGTH, CCID_PARAMETER.
 * @throws {RangeError|TypeError|MalformedApduError} As `encodePinVerify`.
 */
export async function verifyPinOnPad(
  card: Controllable,
  options: PinEntry & PinPadOptions,
): Promise<ResponseApdu> {
  return enter(card, 'verifyPinDirect', encodePinVerify(options), options);
}

/**
 * The same for changing a PIN (FEATURE_MODIFY_PIN_DIRECT): the reader asks for the current PIN, if wanted, and
 * for the new one, twice if wanted.
 *
 * @throws {CcidError} As `verifyPinOnPad`; also CCID_PINS_DIFFER.
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
    structure.fill(0); // a template may hold a PUK, say, where the PIN is changed by one
  }
  const [problem, sentence] = padAnswers[response.sw] ?? [];
  if (problem !== undefined && sentence !== undefined) throw new CcidError(problem, sentence, response.sw);
  return response;
}
