import { ResponseApdu, SW } from '../apdu/index.js';
import type { WaitOptions } from '../support/cancellation.js';
import { type Controllable, controlCode, GET_FEATURE_REQUEST } from './control-code.js';
import { CcidError } from './error.js';
import { Features, readFeatures } from './features.js';

/** A card whose reader may take pseudo-APDUs: a `Card`, or a `Transaction` while it runs. */
export interface TransmittingCard extends Controllable {
  /** Sends an APDU (SCardTransmit). */
  transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
}

/** The header of a pseudo-APDU for reader features, without P2: the feature (PC/SC part 10, supplement). */
const PPDU = [0xff, 0xc2, 0x01] as const;

/** P2 of the pseudo-APDU that asks for the features. */
const LIST = 0x00;

/** Most data bytes of a pseudo-APDU: they have the short form. */
const MAX_DATA = 255;

/** Features whose response is that of the card, with its status word. */
const answeredByCard: ReadonlySet<number> = new Set([Features.verifyPinDirect, Features.modifyPinDirect]);

/**
 * Returns the object through which a reader's features can be used: `card` itself (SCardControl), or, if SCardControl
 * offers no feature, one that uses pseudo-APDUs (FF C2 01), if the reader answers them. The platform's driver may not
 * pass on SCardControl: some on Windows refuse every control code with ERROR_INVALID_FUNCTION.
 *
 * Pass the result to `readFeatures`, `readProperties`, `verifyPinOnPad` and `modifyPinOnPad`. A reader that does not know
 * pseudo-APDUs passes FF C2 01 on to the card, which refuses the class FF.
 *
 * @returns `card`, if there are no features at all.
 * @throws {CcidError} CCID_MALFORMED: the driver's list of features does not have the form of PC/SC part 10.
 * @throws {PcscError} The codes of SCardControl and SCardTransmit.
 */
export async function featureAccess(card: TransmittingCard, options?: WaitOptions): Promise<Controllable> {
  if (hasAny(await readFeatures(card, options))) return card;
  const ppdu = new PpduAccess(card);
  return hasAny(await readFeatures(ppdu, options)) ? ppdu : card;
}

function hasAny(features: object): boolean {
  return Object.keys(features).length > 0;
}

/** SCardControl in terms of pseudo-APDUs. The control code of a feature is its tag. */
class PpduAccess implements Controllable {
  readonly #card: TransmittingCard;

  constructor(card: TransmittingCard) {
    this.#card = card;
  }

  async control(code: number, input = new Uint8Array(), options?: WaitOptions): Promise<Uint8Array> {
    if (code === controlCode(GET_FEATURE_REQUEST)) return this.#list(options);
    const answer = await this.#send(code, input, options);
    if (answeredByCard.has(code)) return answer;
    const { ok, data, sw } = ResponseApdu.parse(answer);
    if (!ok) throw new CcidError('CCID_NO_FEATURE', `The reader refuses feature ${code}.`, sw);
    return data;
  }

  /** The features in the form in which SCardControl lists them; none if the reader does not know pseudo-APDUs. */
  async #list(options: WaitOptions | undefined): Promise<Uint8Array> {
    const answer = await this.#send(LIST, new Uint8Array(), options);
    if (answer.length < 2) return new Uint8Array();
    const { sw, data } = ResponseApdu.parse(answer);
    return sw === SW.OK
      ? Uint8Array.from([...data].flatMap((tag) => [tag, 4, 0, 0, 0, tag]))
      : new Uint8Array();
  }

  async #send(feature: number, data: Uint8Array, options: WaitOptions | undefined): Promise<Uint8Array> {
    if (data.length > MAX_DATA) {
      throw new RangeError(`A pseudo-APDU carries at most ${MAX_DATA} bytes, but ${data.length} were given.`);
    }
    // Lc and data, or Le 00.
    const apdu = Uint8Array.of(...PPDU, feature, data.length, ...data);
    try {
      return await this.#card.transmit(apdu, options);
    } finally {
      apdu.fill(0); // the template may contain a PUK
    }
  }
}
