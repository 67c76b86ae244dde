import type { WaitOptions } from '../support/cancellation.js';
import { type CompletionCondition, completionConditions } from './completion.js';
import type { Controllable } from './control-code.js';
import { CcidError } from './error.js';
import { type ReaderFeatures, readFeatures } from './features.js';
import { decodeEntries } from './tlv.js';

/** The properties of a reader (PC/SC part 10 v2.02.09). A property that the reader does not report is absent. */
export interface ReaderProperties {
  /** The size of the display (wLcdLayout); undefined if there is none. */
  display?: { lines: number; charactersPerLine: number } | undefined;
  /** Characters on one line of the display (wLcdMaxCharacters). */
  maxCharacters?: number;
  /** Lines of the display (wLcdMaxLines). */
  maxLines?: number;
  /** The conditions that can end the entry of a PIN (bEntryValidationCondition). */
  completeOn?: CompletionCondition[];
  /** True if the reader counts the time after the first key separately (bTimeOut2, `keyTimeoutSeconds`). */
  distinguishesTimeouts?: boolean;
  /** Fewest digits of a PIN (bMinPINSize). */
  minPinDigits?: number;
  /** Most digits of a PIN (bMaxPINSize). */
  maxPinDigits?: number;
  /** The firmware id (sFirmwareID). */
  firmwareId?: string;
  /**
   * How the reader accepts pseudo-APDUs (bPPDUSupport): through the control code of `ccidEscCommand`, or through
   * transmit.
   */
  ppdu?: { control: boolean; transmit: boolean };
  /** Most data bytes of an APDU (dwMaxAPDUDataSize). 0 to 256 means short APDUs only. */
  maxApduDataSize?: number;
  /** The USB vendor id (wIdVendor). */
  vendorId?: number;
  /** The USB product id (wIdProduct). */
  productId?: number;
  /** Other properties, by tag. */
  others?: Map<number, Uint8Array>;
}

/** Options of `readProperties`. */
export interface ReadPropertiesOptions extends WaitOptions {
  /**
   * The result of an earlier `readFeatures`.
   * @default read from the reader
   */
  features?: ReaderFeatures | undefined;
}

/**
 * Decodes the answer to FEATURE_GET_TLV_PROPERTIES. Numbers begin with their least significant byte; their size is the
 * driver's choice, up to 4 bytes.
 *
 * @throws {CcidError} CCID_MALFORMED: the answer does not have this form.
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
 * Asks the reader for its properties (SCardControl): with FEATURE_GET_TLV_PROPERTIES, or else with the older
 * FEATURE_IFD_PIN_PROPERTIES and FEATURE_IFD_DISPLAY_PROPERTIES.
 *
 * @returns An empty object if the reader has none of these features.
 * @throws {CcidError} CCID_MALFORMED: the driver's answer does not have the form of PC/SC part 10.
 * @throws {PcscError} The codes of SCardControl.
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

/** wLcdLayout: 0xLLCC, lines and characters of each line; 0 if there is no display. */
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
