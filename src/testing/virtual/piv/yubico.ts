/** Yubico's extensions of PIV that ask; those that change something are in administration.ts. */
import { type CommandApdu, encodeTlv, ResponseApdu, SW } from '../../../apdu/index.js';
import { ALGORITHM_ID } from '../../../piv/index.js';
import { encodePublicKey } from '../../../piv/public-key.js';
import { issueCertificate, issuerWith } from './certificate.js';
import type { PivMemory } from './memory.js';
import type { ReferenceData } from './pin.js';
import { PIN_REFERENCE, PUK_REFERENCE } from './pin-commands.js';
import { slotWith } from './slot.js';

const ATTESTATION_REFERENCE = 0xf9;
/** The common name of the certificate in slot F9. */
export const ATTESTATION_SUBJECT = 'Virtual PIV attestation';
const MANAGEMENT_KEY_REFERENCE = 0x9b;

/** Tags of GET METADATA. */
const Metadata = { ALGORITHM: 0x01, POLICY: 0x02, ORIGIN: 0x03, PUBLIC_KEY: 0x04, RETRIES: 0x06 } as const;
/** The algorithm of a PIN. */
const PIN_ALGORITHM = 0xff;
const PIN_POLICIES = { never: 1, once: 2, always: 3 } as const;
const NO_TOUCH = 1;
const GENERATED = 1;
const IMPORTED = 2;

/** What a YubiKey says about itself. */
export interface YubicoOptions {
  /** Firmware version; default 5.4.3. */
  version?: string;
  /** Serial number, 0 to 4,294,967,295; default 12345678. */
  serial?: number;
}

/** Firmware version and serial number, as the commands return them. */
export class YubicoIdentity {
  readonly version: Uint8Array;
  readonly serial: Uint8Array;

  /** @throws {RangeError} Version or serial number are not as the options say. */
  constructor({ version = '5.4.3', serial = 12_345_678 }: YubicoOptions) {
    const numbers = version.split('.').map(Number);
    const isByte = (number: number) => Number.isInteger(number) && number >= 0 && number <= 0xff;
    if (numbers.length !== 3 || !numbers.every(isByte)) {
      throw new RangeError(
        `A firmware version is three numbers up to 255, such as 5.4.3, but ${version} was given.`,
      );
    }
    if (!Number.isInteger(serial) || serial < 0 || serial > 0xffffffff) {
      throw new RangeError(`A serial number is 0 to 4294967295, but ${serial} was given.`);
    }
    this.version = Uint8Array.from(numbers);
    this.serial = Uint8Array.of(serial >>> 24, (serial >>> 16) & 0xff, (serial >>> 8) & 0xff, serial & 0xff);
  }
}

/** GET METADATA: of a key, of a PIN or PUK (its tries in all, and those left), of the management key. */
export function getMetadata(memory: PivMemory, { p1, p2 }: CommandApdu): ResponseApdu {
  if (p1 !== 0x00) return new ResponseApdu(SW.WRONG_P1_P2);
  if (p2 === PIN_REFERENCE) return tries(memory.pin);
  if (p2 === PUK_REFERENCE) return tries(memory.puk);
  if (p2 === MANAGEMENT_KEY_REFERENCE) {
    return metadata([Metadata.ALGORITHM, [memory.management.algorithmId]], [Metadata.POLICY, [0, NO_TOUCH]]);
  }
  const slot = memory.slots.get(p2);
  if (slot === undefined) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
  const { key, pin } = slot;
  return metadata(
    [Metadata.ALGORITHM, [ALGORITHM_ID[key.algorithm]]],
    [Metadata.POLICY, [PIN_POLICIES[pin], NO_TOUCH]],
    [Metadata.ORIGIN, [key.generated ? GENERATED : IMPORTED]],
    [Metadata.PUBLIC_KEY, encodePublicKey(key.publicKey)],
  );
}

/** ATTEST: a certificate of a key that the card has made, signed with the key of slot F9. */
export async function attest(memory: PivMemory, { p1, p2 }: CommandApdu): Promise<ResponseApdu> {
  const [slot, attestation] = [memory.slots.get(p1), memory.slots.get(ATTESTATION_REFERENCE)];
  if (p2 !== 0x00 || slotWith(p1) === undefined) return new ResponseApdu(SW.WRONG_P1_P2);
  if (slot === undefined || attestation === undefined) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
  if (!slot.key.generated) return new ResponseApdu(SW.CONDITIONS_NOT_SATISFIED);
  const issuer = issuerWith(attestation.key.privateKey, ATTESTATION_SUBJECT);
  const subject = `PIV attestation ${slotWith(p1)}`;
  return ResponseApdu.ok(await issueCertificate(slot.key.publicKey, issuer, { subject }));
}

function tries({ retries, retriesLeft }: ReferenceData): ResponseApdu {
  return metadata([Metadata.ALGORITHM, [PIN_ALGORITHM]], [Metadata.RETRIES, [retries, retriesLeft]]);
}

function metadata(...parts: [tag: number, value: ArrayLike<number>][]): ResponseApdu {
  const encoded = parts.map(([tag, value]) => encodeTlv(tag, Uint8Array.from(value)));
  return ResponseApdu.ok(new Uint8Array(Buffer.concat(encoded)));
}
