import { X509Certificate } from 'node:crypto';
import { type ApduCard, send } from './command.js';
import { PivError } from './error.js';
import { type PivSlot, slotFacts } from './identifiers.js';

/** Yubico, PIV extensions, ATTEST (firmware 4.3). */
const ATTEST = 0xf9;

/**
 * Lets a YubiKey attest that the key of a slot was generated in it. The certificate is signed with the key of slot F9,
 * whose own certificate `readCertificate(card, 'F9')` reads.
 *
 * @throws {PivError} PIV_REFUSED: the card has no attestation, or the key was imported. PIV_MALFORMED.
 * @throws {RangeError} There is no such slot.
 */
export async function attest(card: ApduCard, slot: PivSlot): Promise<X509Certificate> {
  const response = await send(card, { ins: ATTEST, p1: slotFacts(slot).reference, p2: 0x00, ne: 256 });
  if (!response.ok) {
    throw new PivError('PIV_REFUSED', `The card did not attest the key of slot ${slot}`, {
      statusWord: response.sw,
    });
  }
  try {
    return new X509Certificate(response.data);
  } catch (cause) {
    throw new PivError('PIV_MALFORMED', 'The attestation is not an X.509 certificate', { cause });
  }
}
