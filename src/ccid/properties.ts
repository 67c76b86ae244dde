import type { WaitOptions } from '../support/cancellation.js';
import { type CompletionCondition, completionConditions } from './completion.js';
import type { Controllable } from './control-code.js';
import { CcidError } from './error.js';
import { type ReaderFeatures, readFeatures } from './features.js';
import { decodeEntries } from './tlv.js';

/** What a reader says of itself (PC/SC part 10 v2.02.09). What it does not say is not there. */
export interface ReaderProperties {
  /** wLcdLayout: the display's size; undefined where there is none. */
  display?: { lines: number; charactersPerLine: number } | undefined;
  /** wLcdMaxCharacters: on one line of the display. */
  maxCharacters?: number;
  /** wLcdMaxLines. */
  maxLines?: number;
  /** bEntryValidationCondition: what can end the entry of a PIN. */
  completeOn?: CompletionCondition[];
  /** bTimeOut2: it counts the time after the first key separately (`keyTimeoutSeconds`). */
  distinguishesTimeouts?: boolean;
  /** bMinPINSize, in digits. */
  minPinDigits?: number;
  /** bMaxPINSize, in digits. */
  maxPinDigits?: number;
  /** sFirmwareID. */
  firmwareId?: string;
  /** bPPDUSupport: how it takes pseudo-APDUs; with the control code of `ccidEscCommand`, with transmit. */
  ppdu?: { control: boolean; transmit: boolean };
  /** dwMaxAPDUDataSize: data bytes of an APDU; 0 or up to 256: short APDUs only. */
  maxApduDataSize?: number;
  /** wIdVendor: the USB vendor id. */
  vendorId?: number;
  /** wIdProduct: the USB product id. */
  productId?: number;
  /** Properties not known here, by tag. */
  others?: Map<number, Uint8Array>;
}

export interface ReadPropertiesOptions extends WaitOptions {
  /** As `readFeatures` gave them, where they have been read already. */
  features?: ReaderFeatures | undefined;
}

/**
 * Takes apart what a driver answers to FEATURE_GET_TLV_PROPERTIES. Numbers come with their least significant
 * byte first, in as many bytes as the driver likes.
 *
 * @throws {CcidError} CCID_MALFORMED.
 */
export function decodeProperties(bytes: Uint8Array): ReaderProperties {
  const properties: ReaderProperties = {};
  for (const { tag, value } of decodeEntries(bytes, 'properties')) {
    const decode = decoders[tag];
    if (decode === undefined) {
      properties.others ??= new Map();
      properties.others.set(tag, value);
    } else {
      decode(properties, value);
    }
  }
  return properties;
}

/**
 * Asks the reader about itself: by FEATURE_GET_TLV_PROPERTIES, by the older FEATURE_IFD_PIN_PROPERTIES and
 * FEATURE_IFD_DISPLAY_PROPERTIES where it has only these. Nothing where it has none of them.
 *
 * @throws {CcidError} CCID_MALFORMED.
 * @throws {PcscError} Those of SCardControl.
 */
export async function readProperties(
  card: Controllable,
  options: ReadPropertiesOptions = {},
): Promise<ReaderProperties> {
  const { features = await readFeatures(card, options) } = options;
  const ask = (code: number) => card.control(code, new Uint8Array(), options);
  const { getTlvProperties, ifdPinProperties, ifdDisplayProperties } = features;
  if (getTlvProperties !== undefined) return decodeProperties(await ask(getTlvProperties));
  const properties: ReaderProperties = {};
  if (ifdPinProperties !== undefined) addPinProperties(properties, await ask(ifdPinProperties));
  if (ifdDisplayProperties !== undefined) addDisplayProperties(properties, await ask(ifdDisplayProperties));
  return properties;
}

type Decoder = (properties: ReaderProperties, value: Uint8Array) => void;

const decoders: Record<number, Decoder> = {
  1: (properties, value) => setDisplay(properties, unsigned(value)),
  2: (properties, value) => {
    properties.completeOn = completionConditions(unsigned(value));
  },
  3: (properties, value) => {
    properties.distinguishesTimeouts = unsigned(value) !== 0;
  },
  4: (properties, value) => {
    properties.maxCharacters = unsigned(value);
  },
  5: (properties, value) => {
    properties.maxLines = unsigned(value);
  },
  6: (properties, value) => {
    properties.minPinDigits = unsigned(value);
  },
  7: (properties, value) => {
    properties.maxPinDigits = unsigned(value);
  },
  8: (properties, value) => {
    properties.firmwareId = Buffer.from(value).toString('latin1').replace(/\0+$/, '');
  },
  9: (properties, value) => {
    const bits = unsigned(value);
    properties.ppdu = { control: (bits & 1) !== 0, transmit: (bits & 2) !== 0 };
  },
  10: (properties, value) => {
    properties.maxApduDataSize = unsigned(value);
  },
  11: (properties, value) => {
    properties.vendorId = unsigned(value);
  },
  12: (properties, value) => {
    properties.productId = unsigned(value);
  },
};

/** PIN_PROPERTIES_STRUCTURE: wLcdLayout, bEntryValidationCondition, bTimeOut2. */
function addPinProperties(properties: ReaderProperties, bytes: Uint8Array): void {
  checkLength(bytes, 'PIN properties');
  setDisplay(properties, unsigned(bytes.subarray(0, 2)));
  properties.completeOn = completionConditions(unsigned(bytes.subarray(2, 3)));
  properties.distinguishesTimeouts = bytes[3] !== 0;
}

/** DISPLAY_PROPERTIES_STRUCTURE: wLcdMaxCharacters, wLcdMaxLines. */
function addDisplayProperties(properties: ReaderProperties, bytes: Uint8Array): void {
  checkLength(bytes, 'display properties');
  properties.maxCharacters = unsigned(bytes.subarray(0, 2));
  properties.maxLines = unsigned(bytes.subarray(2, 4));
}

function checkLength(bytes: Uint8Array, what: string): void {
  if (bytes.length >= 4) return;
  throw new CcidError('CCID_MALFORMED', `The reader's ${what} have 4 bytes, but only ${bytes.length} came.`);
}

/** wLcdLayout: 0xLLCC, lines and characters of each; 0 where there is no display. */
function setDisplay(properties: ReaderProperties, layout: number): void {
  properties.display = layout === 0 ? undefined : { lines: layout >> 8, charactersPerLine: layout & 0xff };
}

function unsigned(bytes: Uint8Array): number {
  if (bytes.length === 0 || bytes.length > 4) {
    throw new CcidError(
      'CCID_MALFORMED',
      `A number of ${bytes.length} bytes is none of a reader's properties.`,
    );
  }
  return bytes.reduceRight((number, byte) => number * 0x100 + byte, 0);
}
