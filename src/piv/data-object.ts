import { encodeTlv, findTlv, fromHex, SW } from '../apdu/index.js';
import { type ApduCard, send, understand } from './command.js';
import { PivError } from './error.js';
import { CHUID_TAG } from './identifiers.js';

const GET_DATA = 0xcb;
const TAG_LIST = 0x5c;
/** The container around every data object except the discovery object. */
const DATA = 0x53;

const CHUID_GUID = 0x34;
const GUID_LENGTH = 16;

/**
 * Reads the content of a data object, without its container (GET DATA, SP 800-73-4 part 2, 3.1.2).
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
  const data = encodeTlv(TAG_LIST, fromHex(tag.toString(16)));
  const response = await send(card, { ins: GET_DATA, p1: 0x3f, p2: 0xff, data, ne: 256 });
  if (response.sw === SW.NOT_FOUND) return undefined;
  if (!response.ok) {
    throw new PivError('PIV_REFUSED', `The card did not let ${name} be read`, { statusWord: response.sw });
  }
  const content = await understand(`The card holds ${name} in a form that is not BER-TLV`, () =>
    findTlv(response.data, DATA),
  );
  if (content === undefined && response.data.length > 0) {
    throw new PivError('PIV_MALFORMED', `The card holds ${name} without the container (53) around it`);
  }
  return content?.length === 0 ? undefined : content;
}

/**
 * Reads the card's GUID, 16 bytes, from its CHUID (SP 800-73-4 part 1, 3.1.2). Windows uses it as card identifier.
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
