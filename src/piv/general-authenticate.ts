import { decodeTlv, encodeTlv, findTlv, type ResponseApdu, SW } from '../apdu/index.js';
import { type ApduCard, send, understand } from './command.js';
import { PivError } from './error.js';
import { type PivSlot, slotFacts } from './identifiers.js';

const GENERAL_AUTHENTICATE = 0x87;

/** Data objects of the dynamic authentication template (SP 800-73-5 part 2, table 7). */
export const Template = {
  DYNAMIC_AUTHENTICATION: 0x7c,
  WITNESS: 0x80,
  CHALLENGE: 0x81,
  RESPONSE: 0x82,
  EXPONENTIATION: 0x85,
} as const;

/**
 * Sends GENERAL AUTHENTICATE (SP 800-73-5 part 2, 3.2.4).
 *
 * @param algorithm - Algorithm identifier, one byte.
 * @param reference - Key reference, one byte.
 * @param parts - The data objects in the template.
 */
export function generalAuthenticate(
  card: ApduCard,
  algorithm: number,
  reference: number,
  ...parts: Uint8Array[]
): Promise<ResponseApdu> {
  const data = encodeTlv(Template.DYNAMIC_AUTHENTICATION, ...parts);
  return send(card, { ins: GENERAL_AUTHENTICATE, p1: algorithm, p2: reference, data, ne: 256 });
}

/**
 * Lets the key of a slot work on `input`: sign or decrypt a challenge, or agree on a secret by exponentiation.
 *
 * @param doing - What the key does, for errors: `sign`.
 * @returns The result, a copy.
 * @throws {PivError} PIV_PIN_REQUIRED, PIV_REFUSED or PIV_MALFORMED.
 */
export async function useKey(
  card: ApduCard,
  slot: PivSlot,
  algorithm: number,
  tag: typeof Template.CHALLENGE | typeof Template.EXPONENTIATION,
  input: Uint8Array,
  doing: string,
): Promise<Uint8Array> {
  const { reference } = slotFacts(slot);
  const parts = [encodeTlv(Template.RESPONSE), encodeTlv(tag, input)];
  const response = await generalAuthenticate(card, algorithm, reference, ...parts);
  const status = { statusWord: response.sw };
  if (response.sw === SW.SECURITY_STATUS_NOT_SATISFIED) {
    throw new PivError(
      'PIV_PIN_REQUIRED',
      `The key of slot ${slot} requires the PIN to be verified first`,
      status,
    );
  }
  if (!response.ok) {
    throw new PivError('PIV_REFUSED', `The card did not ${doing} with the key of slot ${slot}`, status);
  }
  const result = await templatePart(response, Template.RESPONSE);
  if (result === undefined) {
    throw new PivError('PIV_MALFORMED', 'The answer to GENERAL AUTHENTICATE holds no result');
  }
  return new Uint8Array(result);
}

/**
 * Returns a data object of the template in an answer.
 *
 * @returns Undefined if it is missing or empty.
 * @throws {PivError} PIV_MALFORMED
 */
export async function templatePart({ data }: ResponseApdu, tag: number): Promise<Uint8Array | undefined> {
  const value = await understand('The answer to GENERAL AUTHENTICATE is not BER-TLV', () => {
    const template = findTlv(data, Template.DYNAMIC_AUTHENTICATION);
    return template && decodeTlv(template).find((object) => object.tag === tag)?.value;
  });
  return value?.length === 0 ? undefined : value;
}
