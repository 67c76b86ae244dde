/** The host's side of PIV (SP 800-73-4 part 2), over anything that transmits. */
import { createHash, randomBytes, verify, X509Certificate } from 'node:crypto';
import { CommandApdu, encodeTlv, findTlv, ResponseApdu } from '../../src/apdu/index.js';
import { DEFAULT_PIN, PIV_AID, type PivCard, pinBlock } from '../../src/testing/virtual/index.js';

export interface Transmitter {
  transmit(apdu: Uint8Array): Promise<Uint8Array>;
}

export const selectPiv = new CommandApdu({
  cla: 0,
  ins: 0xa4,
  p1: 4,
  p2: 0,
  data: PIV_AID,
  ne: 256,
}).encode();

/** VERIFY without data: 9000 if the PIN is verified, else 63Cx. */
export const pinStatus = Uint8Array.of(0x00, 0x20, 0x00, 0x80);

export function verifyPin(pin: string = DEFAULT_PIN): Uint8Array {
  return new CommandApdu({ cla: 0, ins: 0x20, p1: 0, p2: 0x80, data: pinBlock(pin) }).encode();
}

export async function send(card: Transmitter, apdu: Uint8Array): Promise<ResponseApdu> {
  return ResponseApdu.parse(await card.transmit(apdu));
}

/** The status word of one command. */
export async function sw(card: Transmitter, apdu: Uint8Array): Promise<number> {
  return (await send(card, apdu)).sw;
}

/**
 * Signs with the key of slot 9A (P-256); returns the status word, and whether the card's certificate verifies the
 * signature.
 */
export async function sign(card: Transmitter, certificate: Uint8Array | undefined) {
  const message = randomBytes(32);
  const digest = createHash('sha256').update(message).digest();
  const template = encodeTlv(0x7c, encodeTlv(0x82), encodeTlv(0x81, digest));
  const command = new CommandApdu({ cla: 0, ins: 0x87, p1: 0x11, p2: 0x9a, data: template, ne: 256 });
  const response = await send(card, command.encode());
  if (response.sw !== 0x9000 || certificate === undefined) return { sw: response.sw, verified: false };
  const signature = findTlv(findTlv(response.data, 0x7c) ?? new Uint8Array(), 0x82) ?? new Uint8Array();
  const { publicKey } = new X509Certificate(certificate);
  return { sw: response.sw, verified: verify('sha256', message, publicKey, signature) };
}

/** Selects, verifies the PIN, signs, verifies the signature: true if the card has the expected key. */
export async function logOn(card: Transmitter, { piv }: PivCard, pin?: string): Promise<boolean> {
  await send(card, selectPiv);
  const verified = await sw(card, verifyPin(pin));
  if (verified !== 0x9000) return false;
  return (await sign(card, piv.certificate)).verified;
}
