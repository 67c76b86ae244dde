import { PcscError } from '../errors.js';
import type { WaitOptions } from '../support/cancellation.js';
import { type Controllable, controlCode, GET_FEATURE_REQUEST } from './control-code.js';
import { CcidError } from './error.js';
import { decodeEntries } from './tlv.js';

/** Tags of the features that a reader may have beyond APDUs: FEATURE_... (PC/SC part 10 v2.02.09). */
export const Features = {
  verifyPinStart: 0x01,
  verifyPinFinish: 0x02,
  modifyPinStart: 0x03,
  modifyPinFinish: 0x04,
  getKeyPressed: 0x05,
  verifyPinDirect: 0x06,
  modifyPinDirect: 0x07,
  mctReaderDirect: 0x08,
  mctUniversal: 0x09,
  ifdPinProperties: 0x0a,
  abort: 0x0b,
  setSpeMessage: 0x0c,
  verifyPinDirectAppId: 0x0d,
  modifyPinDirectAppId: 0x0e,
  writeDisplay: 0x0f,
  getKey: 0x10,
  ifdDisplayProperties: 0x11,
  getTlvProperties: 0x12,
  ccidEscCommand: 0x13,
  executePace: 0x20,
} as const;

/** The name of a feature: a key of `Features`. */
export type Feature = keyof typeof Features;

/** The control code of each feature that the reader has. Pass it to `control` unchanged. */
export type ReaderFeatures = { readonly [name in Feature]?: number };

/** One entry of the answer to GET_FEATURE_REQUEST. */
export interface FeatureEntry {
  /** The tag: a value of `Features`, or another one. */
  tag: number;
  /** The name of the feature; undefined for another tag. */
  name: Feature | undefined;
  /** The control code for `control` on this host. */
  code: number;
}

const names = new Map(Object.entries(Features).map(([name, tag]) => [tag as number, name as Feature]));

/** Errors by which drivers without features reject the request. */
const refusals = new Set(['SCARD_E_UNSUPPORTED_FEATURE', 'ERROR_INVALID_FUNCTION', 'ERROR_NOT_SUPPORTED']);

/**
 * Decodes the answer to GET_FEATURE_REQUEST: entries of a tag, the length 4 and the control code, most significant byte
 * first on every host (PC/SC part 10, 2.2).
 *
 * @throws {CcidError} CCID_MALFORMED: the answer does not have this form.
 */
export function decodeFeatures(bytes: Uint8Array): FeatureEntry[] {
  return decodeEntries(bytes, 'features').map(({ tag, value }) => {
    if (value.length !== 4) {
      throw new CcidError(
        'CCID_MALFORMED',
        `The reader gives feature ${tag} a control code of ${value.length} bytes, which should be 4.`,
      );
    }
    const code = value.reduce((number, byte) => number * 0x100 + byte, 0);
    return { tag, name: names.get(tag), code };
  });
}

/**
 * Asks the reader for its features (SCardControl with CM_IOCTL_GET_FEATURE_REQUEST). The driver chooses the control
 * codes, and they are valid for this host only.
 *
 * @returns An empty object if the driver does not support the request. The reader may nevertheless have features, which
 *   `featureAccess` finds.
 * @throws {CcidError} CCID_MALFORMED: the driver's answer does not have the form of PC/SC part 10.
 * @throws {PcscError} The codes of SCardControl.
 */
export async function readFeatures(card: Controllable, options?: WaitOptions): Promise<ReaderFeatures> {
  let answer: Uint8Array;
  try {
    answer = await card.control(controlCode(GET_FEATURE_REQUEST), new Uint8Array(), options);
  } catch (error) {
    if (error instanceof PcscError && refusals.has(error.code)) return {};
    throw error;
  }
  const features: { [name in Feature]?: number } = {};
  for (const { name, code } of decodeFeatures(answer)) {
    if (name !== undefined) features[name] = code;
  }
  return features;
}
