import { toHex } from './hex.js';
import { decodeHistoricalBytes } from './historical-bytes.js';

/** A contactless storage card, as a PC/SC reader names it in the ATR that it makes for it (PC/SC part 3, 3.1.3.2.3). */
export interface StorageCard {
  /** The name, such as 'MIFARE Classic 1K'; undefined for a number that PC/SC part 3 does not list. */
  name: string | undefined;
  /** The number of the card's name, 0 to 0xFFFF. */
  cardNumber: number;
  /** The standard, such as 'ISO/IEC 14443 A, part 3'; undefined if the reader does not say. */
  standard: string | undefined;
}

/** The registered application provider identifier of the PC/SC Workgroup. */
const PCSC_WORKGROUP = 'A000000306';

/** The standard byte (PC/SC part 3, supplemental document). */
const STANDARDS = new Map([
  [0x01, 'ISO/IEC 14443 A, part 1'],
  [0x02, 'ISO/IEC 14443 A, part 2'],
  [0x03, 'ISO/IEC 14443 A, part 3'],
  [0x05, 'ISO/IEC 14443 B, part 1'],
  [0x06, 'ISO/IEC 14443 B, part 2'],
  [0x07, 'ISO/IEC 14443 B, part 3'],
  [0x09, 'ISO/IEC 15693, part 1'],
  [0x0a, 'ISO/IEC 15693, part 2'],
  [0x0b, 'ISO/IEC 15693, part 3'],
  [0x0c, 'ISO/IEC 15693, part 4'],
  [0x0d, 'ISO/IEC 7816-10, I2C'],
  [0x0e, 'ISO/IEC 7816-10, extended I2C'],
  [0x0f, 'ISO/IEC 7816-10, 2WBP'],
  [0x10, 'ISO/IEC 7816-10, 3WBP'],
  [0x11, 'FeliCa'],
  [0x40, 'low frequency'],
]);

/** Card names, from number 1 on; an empty one is not assigned (PC/SC part 3, supplemental document). */
const NAMES = [
  ...['MIFARE Classic 1K', 'MIFARE Classic 4K', 'MIFARE Ultralight', 'SLE 55R', '', 'SR176', 'SRI X4K'],
  ...['AT88RF020', 'AT88SC0204CRF', 'AT88SC0808CRF', 'AT88SC1616CRF', 'AT88SC3216CRF', 'AT88SC6416CRF'],
  ...['SRF 55V10P', 'SRF 55V02P', 'SRF 55V10S', 'SRF 55V02S', 'Tag-it', 'LRI512', 'ICODE SLI', 'TEMPSENS'],
  ...['I-CODE1', 'PicoPass 2K', 'PicoPass 2KS', 'PicoPass 16K', 'PicoPass 16KS', 'PicoPass 16K (8x2)'],
  ...['PicoPass 16KS (8x2)', 'PicoPass 32KS (16+16)', 'PicoPass 32KS (16+8x2)', 'PicoPass 32KS (8x2+16)'],
  ...['PicoPass 32KS (8x2+8x2)', 'LRI64', 'I-CODE UID', 'I-CODE EPC', 'LRI12', 'LRI128', 'MIFARE Mini'],
  ...['my-d move (SLE 66R01P)', 'my-d NFC (SLE 66RxxP)', 'my-d proximity 2 (SLE 66RxxS)'],
  ...['my-d proximity enhanced (SLE 55RxxE)', 'my-d light (SRF 55V01P)', 'PJM Stack Tag (SRF 66V10ST)'],
  ...['PJM Item Tag (SRF 66V10IT)', 'PJM Light (SRF 66V01ST)', 'Jewel Tag', 'Topaz NFC Tag', 'AT88SC0104CRF'],
  ...['AT88SC0404CRF', 'AT88RF01C', 'AT88RF04C', 'i-Code SL2', 'MIFARE Plus SL1 2K', 'MIFARE Plus SL1 4K'],
  ...['MIFARE Plus SL2 2K', 'MIFARE Plus SL2 4K', 'MIFARE Ultralight C', 'FeliCa'],
  ...['Melexis Sensor Tag (MLX90129)', 'MIFARE Ultralight EV1'],
];

/**
 * Reads the name of a contactless storage card from historical bytes: 80, 4F 0C, the identifier of the PC/SC
 * Workgroup, the standard and the card's number.
 *
 * @returns Undefined if the historical bytes are not those of a storage card.
 */
export function storageCardOf(historicalBytes: Uint8Array): StorageCard | undefined {
  const { objects } = decodeHistoricalBytes(historicalBytes);
  const aid = objects.find(({ tag }) => tag === 0x4f)?.value;
  if (aid === undefined || aid.length < 8 || toHex(aid.subarray(0, 5)) !== PCSC_WORKGROUP) return undefined;
  const [standard = 0, high = 0, low = 0] = aid.subarray(5);
  const cardNumber = (high << 8) | low;
  return { name: NAMES[cardNumber - 1] || undefined, cardNumber, standard: STANDARDS.get(standard) };
}
