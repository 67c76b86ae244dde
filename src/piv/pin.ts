import { type ResponseApdu, SW } from '../apdu/index.js';
import { type ApduCard, send } from './command.js';
import { PivError, PivPinError } from './error.js';
import { readRetries } from './metadata.js';
import { pinBlock, pukBlock } from './pin-block.js';

const VERIFY = 0x20;
const CHANGE_REFERENCE_DATA = 0x24;
const RESET_RETRY_COUNTER = 0x2c;

/** Which PIN of a card: that of the PIV application, or the global PIN of the card. `readDiscovery` tells which. */
export type PinReference = 'application' | 'global';

export interface PinOptions {
  /** @default 'application' */
  reference?: PinReference;
}

/** Key references (SP 800-73-5 part 1, table 5). */
const REFERENCE: Readonly<Record<PinReference, number>> = { application: 0x80, global: 0x00 };
const PUK_REFERENCE = 0x81;

/**
 * Asks for the tries left before a PIN or the PUK is blocked, which costs none. For a PIN: VERIFY without data
 * (SP 800-73-5 part 2, 3.2.1). For the PUK, for which the standard has no command: Yubico's GET METADATA.
 *
 * @returns 0 if it is blocked. Undefined if the card does not report the tries, as when the PIN is verified already.
 * @default `what` is 'application', the PIN of the PIV application
 */
export async function retriesLeft(
  card: ApduCard,
  what: PinReference | 'puk' = 'application',
): Promise<number | undefined> {
  if (what === 'puk') return readRetries(card, PUK_REFERENCE);
  return triesIn(await send(card, { ins: VERIFY, p1: 0x00, p2: referenceOf(what) }));
}

/** @deprecated Use `retriesLeft`, which has the same result. */
export function pinRetriesLeft(card: ApduCard): Promise<number | undefined> {
  return retriesLeft(card);
}

/**
 * Verifies a PIN (VERIFY, SP 800-73-5 part 2, 3.2.1). Every copy of the PIN that this function makes is wiped.
 *
 * @param pin - 6 to 8 characters. Pass bytes (ASCII, optionally padded with FF) to be able to wipe them afterwards; a
 *   string stays in memory until it is garbage-collected.
 * @throws {PivPinError} PIV_WRONG_PIN, PIV_PIN_BLOCKED, or PIV_PIN_MALFORMED, which does not cost a try.
 * @throws {PivError} PIV_REFUSED: the card answered with another status word.
 */
export async function verifyPin(
  card: ApduCard,
  pin: string | Uint8Array,
  { reference = 'application' }: PinOptions = {},
): Promise<void> {
  const response = await sendSecrets(card, VERIFY, referenceOf(reference), pinBlock(pin));
  if (response.sw !== SW.OK) throw refusal(response, 'PIN', 'The card did not verify the PIN');
}

/**
 * Replaces a PIN by a new one (CHANGE REFERENCE DATA, SP 800-73-5 part 2, 3.2.2). Copies of both are wiped.
 *
 * @param pin - The present PIN, as for `verifyPin`. A wrong one costs a try.
 * @param newPin - 6 to 8 characters.
 * @throws {PivPinError} PIV_WRONG_PIN, PIV_PIN_BLOCKED or PIV_PIN_MALFORMED: the PIN is unchanged.
 * @throws {PivError} PIV_REFUSED: the card does not accept the new PIN, or does not let the global PIN be changed here.
 */
export async function changePin(
  card: ApduCard,
  pin: string | Uint8Array,
  newPin: string | Uint8Array,
  { reference = 'application' }: PinOptions = {},
): Promise<void> {
  const blocks = both(
    () => pinBlock(pin),
    () => pinBlock(newPin, 'new PIN'),
  );
  const response = await sendSecrets(card, CHANGE_REFERENCE_DATA, referenceOf(reference), ...blocks);
  if (response.sw !== SW.OK) throw refusal(response, 'PIN', 'The card did not change the PIN');
}

/**
 * Sets a new PIN of the PIV application with the PUK (RESET RETRY COUNTER, SP 800-73-5 part 2, 3.2.3), whether or not
 * the PIN is blocked. Copies of both are wiped.
 *
 * @param puk - 6 to 8 characters, or 8 bytes of any value. A wrong one costs a try of the PUK.
 * @param newPin - 6 to 8 characters.
 * @throws {PivPinError} PIV_WRONG_PUK, PIV_PUK_BLOCKED, PIV_PUK_MALFORMED or PIV_PIN_MALFORMED: the PIN is unchanged.
 *   `retriesLeft` counts the tries of the PUK.
 * @throws {PivError} PIV_REFUSED: the card answered with another status word.
 */
export async function unblockPin(
  card: ApduCard,
  puk: string | Uint8Array,
  newPin: string | Uint8Array,
): Promise<void> {
  const blocks = both(
    () => pukBlock(puk),
    () => pinBlock(newPin, 'new PIN'),
  );
  const response = await sendSecrets(card, RESET_RETRY_COUNTER, REFERENCE.application, ...blocks);
  if (response.sw !== SW.OK) throw refusal(response, 'PUK', 'The card did not unblock the PIN');
}

/**
 * Replaces the PUK by a new one (CHANGE REFERENCE DATA, SP 800-73-5 part 2, 3.2.2). Copies of both are wiped.
 *
 * @param puk - The present PUK: 6 to 8 characters, or 8 bytes of any value. A wrong one costs a try.
 * @param newPuk - As `puk`.
 * @throws {PivPinError} PIV_WRONG_PUK, PIV_PUK_BLOCKED or PIV_PUK_MALFORMED: the PUK is unchanged.
 * @throws {PivError} PIV_REFUSED: the card answered with another status word.
 */
export async function changePuk(
  card: ApduCard,
  puk: string | Uint8Array,
  newPuk: string | Uint8Array,
): Promise<void> {
  const blocks = both(
    () => pukBlock(puk),
    () => pukBlock(newPuk, 'new PUK'),
  );
  const response = await sendSecrets(card, CHANGE_REFERENCE_DATA, PUK_REFERENCE, ...blocks);
  if (response.sw !== SW.OK) throw refusal(response, 'PUK', 'The card did not change the PUK');
}

function referenceOf(reference: PinReference): number {
  if (Object.hasOwn(REFERENCE, reference)) return REFERENCE[reference];
  throw new RangeError(`A PIN is that of the application or the global one, not "${String(reference)}".`);
}

/** Makes two blocks, and wipes the first if the second cannot be made. */
function both(first: () => Uint8Array, second: () => Uint8Array): [Uint8Array, Uint8Array] {
  const one = first();
  try {
    return [one, second()];
  } catch (error) {
    one.fill(0);
    throw error;
  }
}

/** Sends a command with these blocks as its data, and wipes them. */
async function sendSecrets(
  card: ApduCard,
  ins: number,
  p2: number,
  ...blocks: readonly Uint8Array[]
): Promise<ResponseApdu> {
  const length = blocks.reduce((sum, block) => sum + block.length, 0);
  const data = new Uint8Array(new ArrayBuffer(length));
  try {
    let offset = 0;
    for (const block of blocks) {
      data.set(block, offset);
      offset += block.length;
    }
    return await send(card, { ins, p1: 0x00, p2, data });
  } finally {
    for (const bytes of [data, ...blocks]) bytes.fill(0);
  }
}

/**
 * The tries left: x of 63Cx (ISO/IEC 7816-4, table 6) and 0 of 6983. Older YubiKeys count with all of the second byte
 * (6303). 6300 has no count: cards that do not report the tries answer so.
 */
function triesIn({ sw, sw1, sw2, retriesLeft }: ResponseApdu): number | undefined {
  return retriesLeft ?? (sw1 === 0x63 && sw !== 0x6300 ? sw2 : undefined);
}

function refusal(response: ResponseApdu, whose: 'PIN' | 'PUK', otherwise: string): PivError {
  const { sw, sw1 } = response;
  const status = { statusWord: sw };
  const left = triesIn(response);
  const cure = whose === 'PIN' ? 'the PUK unblocks it' : 'only setting the card up anew helps';
  if (sw === SW.AUTHENTICATION_BLOCKED) {
    return new PivPinError(`PIV_${whose}_BLOCKED`, `The ${whose} is blocked; ${cure}`, 0, status);
  }
  if (left === 0) {
    const what = `The ${whose} is wrong, and this was the last try: it is now blocked; ${cure}`;
    return new PivPinError(`PIV_${whose}_BLOCKED`, what, 0, status);
  }
  // To these commands, 63 means that the verification failed, whatever follows it.
  if (sw1 === 0x63) return new PivPinError(`PIV_WRONG_${whose}`, `The ${whose} is wrong`, left, status);
  if (sw === SW.WRONG_DATA) {
    const what = `The card does not accept a ${whose} of this form`;
    return new PivPinError(`PIV_${whose}_MALFORMED`, what, undefined, status);
  }
  return new PivError('PIV_REFUSED', otherwise, status);
}
