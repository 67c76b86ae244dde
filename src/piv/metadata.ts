import { decodeTlv } from '../apdu/index.js';
import { type ApduCard, send, understand } from './command.js';

/** Yubico, PIV extensions, GET METADATA (firmware 5.3). */
const GET_METADATA = 0xf7;
const ALGORITHM = 0x01;
const RETRIES = 0x06;

/** Reads the metadata of a key or a PIN; undefined if the card has no such command, or none to tell. */
async function readMetadata(card: ApduCard, reference: number): Promise<Map<number, Uint8Array> | undefined> {
  const response = await send(card, { ins: GET_METADATA, p1: 0x00, p2: reference, ne: 256 });
  if (!response.ok) return undefined;
  return understand(
    'The answer to GET METADATA is not BER-TLV',
    () => new Map(decodeTlv(response.data).map(({ tag, value }) => [tag, value])),
  );
}

/** Reads the tries left of a PIN or PUK: the second byte, after the number of tries in all. */
export async function readRetries(card: ApduCard, reference: number): Promise<number | undefined> {
  return (await readMetadata(card, reference))?.get(RETRIES)?.[1];
}

/** Reads the identifier of a key's algorithm; undefined if the card does not tell. */
export async function readAlgorithmId(card: ApduCard, reference: number): Promise<number | undefined> {
  return (await readMetadata(card, reference))?.get(ALGORITHM)?.[0];
}
