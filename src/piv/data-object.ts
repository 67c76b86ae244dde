import { encodeTlv, findTlv, fromHex, type ResponseApdu, SW } from '../apdu/index.js';
import { type ApduCard, requireManagement, send, understand } from './command.js';
import { PivError } from './error.js';
import { CHUID_TAG } from './identifiers.js';

const GET_DATA = 0xcb;
const PUT_DATA = 0xdb;
const TAG_LIST = 0x5c;
/** The container around every data object except the discovery object. */
const DATA = 0x53;

const CHUID_GUID = 0x34;
const GUID_LENGTH = 16;

/**
 * Reads a data object with its container (GET DATA, SP 800-73-5 part 2, 3.1.2).
 *
 * @param name - The name for errors: `the CHUID`.
 * @returns Undefined if the card has no such object.
 * @throws {PivError} PIV_REFUSED or PIV_MALFORMED.
 */
export async function getData(card: ApduCard, tag: number, name: string): Promise<ResponseApdu | undefined> {
  const response = await send(card, { ins: GET_DATA, p1: 0x3f, p2: 0xff, data: tagList(tag), ne: 256 });
  if (response.sw === SW.NOT_FOUND) return undefined;
  if (!response.ok) {
    throw new PivError('PIV_REFUSED', `The card did not let ${name} be read`, { statusWord: response.sw });
  }
  return response;
}

/**
 * Reads the content of a data object, without its container.
 *
 * @param name - The name for errors: `the CHUID`.
 * @returns Undefined if the card has no such object, or an empty one. Many cards show an unused slot as an empty
 *   object.
 * @throws {PivError} PIV_REFUSED or PIV_MALFORMED.
 */
export async function readDataObject(
  card: ApduCard,
  tag: number,
  name: string,
): Promise<Uint8Array | undefined> {
  const response = await getData(card, tag, name);
  if (response === undefined) return undefined;
  const content = await understand(`The card holds ${name} in a form that is not BER-TLV`, () =>
    findTlv(response.data, DATA),
  );
  if (content === undefined && response.data.length > 0) {
    throw new PivError('PIV_MALFORMED', `The card holds ${name} without the container (53) around it`);
  }
  return content?.length === 0 ? undefined : content;
}

/**
 * Writes a data object (PUT DATA, SP 800-73-5 part 2, 3.3.1). Without content, the object becomes empty.
 *
 * @param name - The name for errors: `the CHUID`.
 * @throws {PivError} PIV_MANAGEMENT_REQUIRED or PIV_REFUSED.
 */
export async function writeDataObject(
  card: ApduCard,
  tag: number,
  content: readonly Uint8Array[],
  name: string,
): Promise<void> {
  const object = encodeTlv(DATA, ...content);
  const data = new Uint8Array([...tagList(tag), ...object]);
  const response = await send(card, { ins: PUT_DATA, p1: 0x3f, p2: 0xff, data });
  requireManagement(response, `The card did not store ${name}`);
}

/**
 * Reads the card's GUID, 16 bytes, from its CHUID (SP 800-73-5 part 1, 3.1.2). Windows uses it as card identifier.
 *
 * @throws {PivError} PIV_NO_GUID, PIV_REFUSED or PIV_MALFORMED.
 */
export async function readGuid(card: ApduCard): Promise<Uint8Array> {
  const chuid = await readDataObject(card, CHUID_TAG, 'the CHUID');
  if (chuid === undefined) throw new PivError('PIV_NO_GUID', 'The card has no CHUID, which holds the GUID');
  const guid = await understand('The CHUID is not BER-TLV', () => findTlv(chuid, CHUID_GUID));
  if (guid?.length !== GUID_LENGTH) {
    throw new PivError('PIV_NO_GUID', 'The CHUID of the card holds no GUID of 16 bytes');
  }
  return new Uint8Array(guid);
}

function tagList(tag: number): Uint8Array {
  return encodeTlv(TAG_LIST, fromHex(tag.toString(16)));
}
