/** The filter of `session.waitForCard`. */
import type { WaitOptions } from '../support/cancellation.js';
import { checkBytes, checkReader } from '../support/validation.js';
import type { ReaderSnapshot } from './events.js';

/** Options of `session.waitForCard`. */
export interface WaitForCardOptions extends WaitOptions {
  /**
   * The name of the reader.
   * @default any reader
   */
  reader?: string | undefined;
  /**
   * The card's answer to reset (ISO 7816-3), 2 to 33 bytes.
   * @default any card
   */
  atr?: Uint8Array | undefined;
  /**
   * The bits of `atr` to compare (SCardIntroduceCardType, pbAtrMask), as long as `atr`.
   * @default all bits
   */
  mask?: Uint8Array | undefined;
}

type WithCard = ReaderSnapshot & { atr: Uint8Array };

/**
 * @throws {TypeError} A field is of the wrong type, or there is a mask without an ATR.
 * @throws {RangeError} The mask is not as long as the ATR.
 */
export function cardFilter(options: WaitForCardOptions): (snapshot: ReaderSnapshot) => snapshot is WithCard {
  const { reader, atr, mask } = options;
  if (reader !== undefined) checkReader(reader);
  if (atr !== undefined) checkBytes(atr, 'atr');
  if (mask !== undefined) {
    checkBytes(mask, 'mask');
    if (atr === undefined) throw new TypeError('mask needs the atr that it is for');
    if (mask.length !== atr.length) {
      throw new RangeError(`mask must have as many bytes as atr (${atr.length}), not ${mask.length}`);
    }
  }
  const bits = (bytes: Uint8Array, index: number) => (bytes[index] ?? 0) & (mask?.[index] ?? 0xff);
  const isAtr = (found: Uint8Array) =>
    atr === undefined ||
    (found.length === atr.length && atr.every((_, index) => bits(found, index) === bits(atr, index)));
  return (snapshot): snapshot is WithCard =>
    snapshot.atr !== undefined &&
    !snapshot.state.mute &&
    (reader === undefined || snapshot.reader === reader) &&
    isAtr(snapshot.atr);
}
