import { findTlv } from '../apdu/index.js';
import { type ApduCard, understand } from './command.js';
import { getData } from './data-object.js';
import { DISCOVERY_TAG } from './identifiers.js';
import type { PinReference } from './pin.js';

const PIN_USAGE_POLICY = 0x5f2f;

/** Bits of the first byte of the PIN usage policy (SP 800-73-5 part 1, 3.3.2). */
const APPLICATION_PIN = 0x40;
const GLOBAL_PIN = 0x20;
const BIOMETRICS = 0x10;
/** The second byte, if both PINs exist: the global PIN is the one that the cardholder knows. */
const GLOBAL_IS_PRIMARY = 0x20;

/** What the discovery object says about the card's PINs. */
export interface Discovery {
  /** The PIN of the PIV application satisfies the card's rules. */
  applicationPin: boolean;
  /** The global PIN of the card satisfies them too. */
  globalPin: boolean;
  /** A fingerprint compared on the card satisfies them too. */
  biometrics: boolean;
  /** The PIN to ask the cardholder for. */
  primaryPin: PinReference;
}

/**
 * Reads the discovery object (SP 800-73-5 part 1, 3.3.2): which PIN the cardholder uses. A card without one has the PIN
 * of the application only.
 *
 * @throws {PivError} PIV_REFUSED or PIV_MALFORMED.
 */
export async function readDiscovery(card: ApduCard): Promise<Discovery> {
  const response = await getData(card, DISCOVERY_TAG, 'the discovery object');
  const policy = await understand('The discovery object is not BER-TLV', () =>
    response === undefined ? undefined : findTlv(response.data, DISCOVERY_TAG, PIN_USAGE_POLICY),
  );
  const [allowed = APPLICATION_PIN, primary = 0] = policy ?? [];
  const globalPin = (allowed & GLOBAL_PIN) !== 0;
  return {
    applicationPin: (allowed & APPLICATION_PIN) !== 0,
    globalPin,
    biometrics: (allowed & BIOMETRICS) !== 0,
    primaryPin: globalPin && primary === GLOBAL_IS_PRIMARY ? 'global' : 'application',
  };
}
