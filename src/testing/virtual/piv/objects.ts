import { encodeTlv, findTlv, fromHex } from '../../../apdu/index.js';
import { certificateParts, chuidParts } from '../../../piv/contents.js';

/** AID of the PIV card application, version 1.0 (SP 800-73-5 part 1, 2.2). */
export const PIV_AID: Uint8Array = fromHex('A0 00 00 03 08 00 00 10 00 01 00');
const PIV_RID = PIV_AID.subarray(0, 5);
const PIV_PIX = PIV_AID.subarray(5);

/** Tags of the data objects (SP 800-73-5 part 1, table 3). */
export const ObjectTag = {
  CARD_CAPABILITY_CONTAINER: 0x5fc107,
  CHUID: 0x5fc102,
  DISCOVERY: 0x7e,
  KEY_HISTORY: 0x5fc10c,
} as const;

/** The container around every data object but the discovery object. */
const DATA = 0x53;
const CERTIFICATE = 0x70;
/** LRC, always empty, at the end of most objects. */
const ERROR_DETECTION_CODE = encodeTlv(0xfe);

/** Application property template, the answer to SELECT (part 2, table 3). */
export function applicationPropertyTemplate(label: string): Uint8Array {
  return encodeTlv(
    0x61,
    encodeTlv(0x4f, PIV_PIX),
    encodeTlv(0x79, encodeTlv(0x4f, PIV_RID)),
    encodeTlv(0x50, Buffer.from(label)),
  );
}

/** Card holder unique identifier. `guid` identifies the card. */
export function chuid(guid: Uint8Array): Uint8Array {
  return encodeTlv(DATA, ...chuidParts(guid));
}

/** Card capability container (part 1, table 8): data model 10, the card identified by its GUID. */
export function cardCapabilityContainer(guid: Uint8Array): Uint8Array {
  // GSC-RID, manufacturer FF, type 02 (Java card), then an identifier of 14 bytes.
  const cardIdentifier = Uint8Array.of(0xa0, 0, 0, 0x01, 0x16, 0xff, 0x02, ...guid.subarray(0, 14));
  return encodeTlv(
    DATA,
    encodeTlv(0xf0, cardIdentifier),
    encodeTlv(0xf1, Uint8Array.of(0x21)),
    encodeTlv(0xf2, Uint8Array.of(0x21)),
    encodeTlv(0xf3),
    encodeTlv(0xf4, Uint8Array.of(0x00)),
    encodeTlv(0xf5, Uint8Array.of(0x10)),
    ...[0xf6, 0xf7, 0xfa, 0xfb, 0xfc, 0xfd].map((tag) => encodeTlv(tag)),
    ERROR_DETECTION_CODE,
  );
}

/** Discovery object (part 1, 3.3.2). A card with a global PIN has it as the primary one. */
export function discoveryObject(globalPin: boolean): Uint8Array {
  return encodeTlv(
    ObjectTag.DISCOVERY,
    encodeTlv(0x4f, PIV_AID),
    encodeTlv(0x5f2f, globalPin ? Uint8Array.of(0x60, 0x20) : Uint8Array.of(0x40, 0x00)),
  );
}

/** Key history (part 1, table 20): there are no retired keys. */
export function keyHistory(): Uint8Array {
  const none = Uint8Array.of(0);
  return encodeTlv(DATA, encodeTlv(0xc1, none), encodeTlv(0xc2, none), encodeTlv(0xf3), ERROR_DETECTION_CODE);
}

/** A certificate's data object: not compressed. */
export function certificateObject(certificate: Uint8Array): Uint8Array {
  return encodeTlv(DATA, ...certificateParts(certificate));
}

/** The certificate in a data object as this card makes it; undefined if the host has written something else. */
export function certificateIn(object: Uint8Array): Uint8Array | undefined {
  try {
    return findTlv(object, DATA, CERTIFICATE);
  } catch {
    return undefined;
  }
}
