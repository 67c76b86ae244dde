/** The commands about PINs and the PUK (SP 800-73-5 part 2, 3.2.1 to 3.2.3). */
import { type CommandApdu, ResponseApdu, SW } from '../../../apdu/index.js';
import { StatusWordError } from '../applet.js';
import type { PivMemory } from './memory.js';
import { isPinBlock, REFERENCE_LENGTH, type ReferenceData, type Verification } from './pin.js';

export const PIN_REFERENCE = 0x80;
export const PUK_REFERENCE = 0x81;
const GLOBAL_PIN_REFERENCE = 0x00;
/** VERIFY's P1: forget that the PIN was verified. */
const RESET_STATUS = 0xff;

/** Empty data asks for the state; P1 = FF gives the verification up. */
export function verify(memory: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  if (p1 !== 0x00 && p1 !== RESET_STATUS) return new ResponseApdu(SW.WRONG_P1_P2);
  const pin = pinWith(memory, p2);
  if (pin === undefined) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
  if (p1 === RESET_STATUS) {
    if (data.length > 0) return new ResponseApdu(SW.WRONG_DATA);
    pin.verified = false;
    return ResponseApdu.ok();
  }
  if (data.length === 0) {
    return pin.verified ? ResponseApdu.ok() : answer(pin, pin.blocked ? 'blocked' : 'wrong');
  }
  if (pin.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
  // A PIN in the wrong form costs no try.
  if (!isPinBlock(data)) return new ResponseApdu(SW.WRONG_DATA);
  return answer(pin, pin.verify(data));
}

/** The old value, then the new one. */
export function changeReferenceData(memory: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  if (p1 !== 0x00) return new ResponseApdu(SW.WRONG_P1_P2);
  const reference = p2 === PUK_REFERENCE ? memory.puk : pinWith(memory, p2);
  if (reference === undefined) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
  if (reference.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
  const [current, next] = halves(data);
  if (reference !== memory.puk && !(isPinBlock(current) && isPinBlock(next))) {
    return new ResponseApdu(SW.WRONG_DATA);
  }
  const verification = reference.verify(current);
  if (verification === 'verified') reference.replace(next);
  return answer(reference, verification);
}

/** The PUK, then a new PIN. */
export function resetRetryCounter({ pin, puk }: PivMemory, { p1, p2, data }: CommandApdu): ResponseApdu {
  if (p1 !== 0x00) return new ResponseApdu(SW.WRONG_P1_P2);
  if (p2 !== PIN_REFERENCE) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
  if (puk.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
  const [given, newPin] = halves(data);
  if (!isPinBlock(newPin)) return new ResponseApdu(SW.WRONG_DATA);
  const verification = puk.verify(given);
  puk.verified = false;
  pin.verified = false;
  if (verification === 'verified') pin.replace(newPin);
  return answer(puk, verification);
}

function pinWith({ pin, globalPin }: PivMemory, reference: number): ReferenceData | undefined {
  if (reference === PIN_REFERENCE) return pin;
  return reference === GLOBAL_PIN_REFERENCE ? globalPin : undefined;
}

function answer(reference: ReferenceData, verification: Verification): ResponseApdu {
  if (verification === 'verified') return ResponseApdu.ok();
  if (verification === 'blocked') return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
  return new ResponseApdu(SW.RETRIES_LEFT | reference.retriesLeft);
}

/** Two references in one data field. */
function halves(data: Uint8Array): [Uint8Array, Uint8Array] {
  if (data.length !== 2 * REFERENCE_LENGTH) throw new StatusWordError(SW.WRONG_DATA);
  return [data.subarray(0, REFERENCE_LENGTH), data.subarray(REFERENCE_LENGTH)];
}
