/** Attributes for SCardGetAttrib. */
import { checkNumber } from '../support/validation.js';

/**
 * Attributes of readers and cards: SCARD_ATTR_... (PC/SC part 3, and <reader.h> of pcsc-lite). Values are bytes as the
 * driver returns them: most numbers begin with the least significant byte, many texts end with a zero byte. Drivers
 * support few of these attributes and reject the others with varying error codes.
 */
export const Attributes = {
  vendorName: 0x0001_0100,
  vendorIfdType: 0x0001_0101,
  vendorIfdVersion: 0x0001_0102,
  vendorIfdSerialNo: 0x0001_0103,
  channelId: 0x0002_0110,
  asyncProtocolTypes: 0x0003_0120,
  defaultClk: 0x0003_0121,
  maxClk: 0x0003_0122,
  defaultDataRate: 0x0003_0123,
  maxDataRate: 0x0003_0124,
  maxIfsd: 0x0003_0125,
  syncProtocolTypes: 0x0003_0126,
  powerMgmtSupport: 0x0004_0131,
  userToCardAuthDevice: 0x0005_0140,
  userAuthInputDevice: 0x0005_0142,
  characteristics: 0x0006_0150,
  escReset: 0x0007_a000,
  escCancel: 0x0007_a003,
  escAuthRequest: 0x0007_a005,
  maxInput: 0x0007_a007,
  currentProtocolType: 0x0008_0201,
  currentClk: 0x0008_0202,
  currentF: 0x0008_0203,
  currentD: 0x0008_0204,
  currentN: 0x0008_0205,
  currentW: 0x0008_0206,
  currentIfsc: 0x0008_0207,
  currentIfsd: 0x0008_0208,
  currentBwt: 0x0008_0209,
  currentCwt: 0x0008_020a,
  currentEbcEncoding: 0x0008_020b,
  extendedBwt: 0x0008_020c,
  iccPresence: 0x0009_0300,
  iccInterfaceStatus: 0x0009_0301,
  currentIoState: 0x0009_0302,
  atrString: 0x0009_0303,
  iccTypePerAtr: 0x0009_0304,
  deviceUnit: 0x7fff_0001,
  deviceInUse: 0x7fff_0002,
  deviceFriendlyNameA: 0x7fff_0003,
  deviceSystemNameA: 0x7fff_0004,
  deviceFriendlyNameW: 0x7fff_0005,
  deviceSystemNameW: 0x7fff_0006,
  suppressT1IfsRequest: 0x7fff_0007,
} as const;

/** An attribute: a key of `Attributes`, or its number. */
export type Attribute = keyof typeof Attributes | number;

/** @throws {TypeError | RangeError} The name is no key of `Attributes`; the number has more than 32 bits. */
export function attributeNumber(attribute: Attribute): number {
  if (typeof attribute !== 'string') return checkNumber(attribute, 'attribute');
  if (Object.hasOwn(Attributes, attribute)) return Attributes[attribute];
  throw new TypeError(`attribute must be a key of Attributes or a number, not '${attribute}'`);
}
