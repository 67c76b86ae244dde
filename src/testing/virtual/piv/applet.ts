import { type KeyObject, randomBytes } from 'node:crypto';
import {
  type CommandApdu,
  decodeTlv,
  encodeTlv,
  findTlv,
  MalformedTlvError,
  ResponseApdu,
  SW,
} from '../../../apdu/index.js';
import { ALGORITHM_ID, type PivAlgorithm, type PivSlot, SLOTS } from '../../../piv/index.js';
import { type Applet, StatusWordError, unknownInstruction } from '../applet.js';
import { selfSignedCertificate } from './certificate.js';
import { PivKey } from './key.js';
import * as objects from './objects.js';
import { isPinBlock, pinBlock, pukBlock, REFERENCE_LENGTH, ReferenceData, type Verification } from './pin.js';
import { type PinPolicy, pinPolicyOf } from './pin-policy.js';

const Instruction = {
  VERIFY: 0x20,
  CHANGE_REFERENCE_DATA: 0x24,
  RESET_RETRY_COUNTER: 0x2c,
  GENERAL_AUTHENTICATE: 0x87,
  GET_DATA: 0xcb,
} as const;

const PIN_REFERENCE = 0x80;
const PUK_REFERENCE = 0x81;
/** VERIFY's P1: forget that the PIN was verified. */
const RESET_STATUS = 0xff;

/** Data objects of GENERAL AUTHENTICATE's dynamic authentication template (SP 800-73-4 part 2, table 7). */
const Template = {
  DYNAMIC_AUTHENTICATION: 0x7c,
  CHALLENGE: 0x81,
  RESPONSE: 0x82,
  EXPONENTIATION: 0x85,
} as const;

export const DEFAULT_PIN = '123456';
export const DEFAULT_PUK = '12345678';

export interface PivOptions {
  /** Default P256, which costs next to nothing; an RSA2048 key takes about 100 ms to make. */
  algorithm?: PivAlgorithm;
  /** 6 to 8 digits; default 123456. */
  pin?: string;
  /** 6 to 8 ASCII characters; default 12345678. */
  puk?: string;
  /** Tries before PIN and PUK are blocked, 1 to 15; default 3. */
  retries?: number;
  /** Common name on the certificates; default `PIV card` and the beginning of the GUID. */
  subject?: string;
  /** The card's 16-byte identifier; default random. */
  guid?: Uint8Array;
  /** Keys to make, each with a certificate; default 9A (PIV authentication) alone. */
  slots?: readonly PivSlot[];
  /** Use this private key in every slot instead of new ones. */
  privateKey?: KeyObject;
}

interface Slot {
  readonly key: PivKey;
  readonly pin: PinPolicy;
}

/** The PIV card application, as far as a logon needs it (NIST SP 800-73-4, part 2). */
export class PivApplet implements Applet {
  readonly aid = objects.PIV_AID;
  /** 16 bytes, as in the CHUID. */
  readonly guid: Uint8Array;
  /** Certificates in DER, by slot. */
  readonly certificates: ReadonlyMap<PivSlot, Uint8Array>;
  readonly pin: ReferenceData;
  readonly puk: ReferenceData;

  readonly #slots = new Map<number, Slot>();
  readonly #objects = new Map<number, Uint8Array>();
  /** The PIN was verified by the command just before this one. */
  #pinFresh = false;

  private constructor(
    options: PivOptions,
    guid: Uint8Array,
    keys: ReadonlyMap<PivSlot, PivKey>,
    certificates: ReadonlyMap<PivSlot, Uint8Array>,
  ) {
    const { pin = DEFAULT_PIN, puk = DEFAULT_PUK, retries = 3 } = options;
    this.guid = guid;
    this.certificates = certificates;
    this.pin = new ReferenceData(pinBlock(pin), retries);
    this.puk = new ReferenceData(pukBlock(puk), retries);
    const expires = new Date(Date.UTC(new Date().getUTCFullYear() + 10, 11, 31));
    this.#objects.set(objects.ObjectTag.CHUID, objects.chuid(guid, expires));
    this.#objects.set(objects.ObjectTag.CARD_CAPABILITY_CONTAINER, objects.cardCapabilityContainer(guid));
    this.#objects.set(objects.ObjectTag.DISCOVERY, objects.discoveryObject());
    this.#objects.set(objects.ObjectTag.KEY_HISTORY, objects.keyHistory());
    for (const [name, key] of keys) this.#slots.set(SLOTS[name].reference, { key, pin: pinPolicyOf(name) });
    for (const [name, certificate] of certificates) {
      this.#objects.set(SLOTS[name].certificateTag, objects.certificateObject(certificate));
    }
  }

  /**
   * A PIV application with new keys and certificates.
   *
   * @throws {RangeError} PIN, PUK, retries or GUID are not as the options say.
   * @throws {TypeError} `privateKey` is of no supported kind.
   */
  static async create(options: PivOptions = {}): Promise<PivApplet> {
    const { algorithm = 'P256', slots = ['9A'], guid = randomBytes(16), privateKey } = options;
    if (guid.length !== 16) throw new RangeError(`A card GUID has 16 bytes, but ${guid.length} were given.`);
    const subject = options.subject ?? `PIV card ${Buffer.from(guid).toString('hex', 0, 4)}`;
    const made = await Promise.all(
      slots.map(async (slot) => {
        const key = privateKey ? PivKey.from(privateKey) : await PivKey.generate(algorithm);
        return { slot, key, certificate: await selfSignedCertificate(key, { subject }) };
      }),
    );
    const keys = new Map(made.map(({ slot, key }) => [slot, key]));
    const certificates = new Map(made.map(({ slot, certificate }) => [slot, certificate]));
    return new PivApplet(options, guid, keys, certificates);
  }

  /** The certificate for PIV authentication (slot 9A), in DER; undefined when the slot is empty. */
  get certificate(): Uint8Array | undefined {
    return this.certificates.get('9A');
  }

  select(): ResponseApdu {
    return ResponseApdu.ok(objects.applicationPropertyTemplate('pcsc-bridge virtual PIV'));
  }

  deselect(): void {
    this.reset();
  }

  reset(): void {
    this.pin.verified = false;
    this.puk.verified = false;
    this.#pinFresh = false;
  }

  process(command: CommandApdu): ResponseApdu {
    if (command.class.proprietary) return new ResponseApdu(SW.CLASS_NOT_SUPPORTED);
    const pinFresh = this.#pinFresh;
    this.#pinFresh = false;
    switch (command.ins) {
      case Instruction.VERIFY:
        return this.#verify(command);
      case Instruction.CHANGE_REFERENCE_DATA:
        return this.#changeReferenceData(command);
      case Instruction.RESET_RETRY_COUNTER:
        return this.#resetRetryCounter(command);
      case Instruction.GENERAL_AUTHENTICATE:
        return this.#generalAuthenticate(command, pinFresh);
      case Instruction.GET_DATA:
        return this.#getData(command);
      default:
        return unknownInstruction();
    }
  }

  /** Part 2, 3.2.1. Empty data asks for the state; P1 = FF gives the verification up. */
  #verify({ p1, p2, data }: CommandApdu): ResponseApdu {
    if (p1 !== 0x00 && p1 !== RESET_STATUS) return new ResponseApdu(SW.WRONG_P1_P2);
    if (p2 !== PIN_REFERENCE) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
    if (p1 === RESET_STATUS) {
      if (data.length > 0) return new ResponseApdu(SW.WRONG_DATA);
      this.pin.verified = false;
      return ResponseApdu.ok();
    }
    if (data.length === 0) {
      if (this.pin.verified) return ResponseApdu.ok();
      return verificationFailed(this.pin);
    }
    if (this.pin.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
    // A PIN in the wrong form costs no try.
    if (!isPinBlock(data)) return new ResponseApdu(SW.WRONG_DATA);
    const response = answer(this.pin, this.pin.verify(data));
    this.#pinFresh = this.pin.verified;
    return response;
  }

  /** Part 2, 3.2.2: the old value, then the new one. */
  #changeReferenceData({ p1, p2, data }: CommandApdu): ResponseApdu {
    if (p1 !== 0x00) return new ResponseApdu(SW.WRONG_P1_P2);
    const reference = p2 === PIN_REFERENCE ? this.pin : p2 === PUK_REFERENCE ? this.puk : undefined;
    if (reference === undefined) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
    if (reference.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
    const [current, next] = halves(data);
    if (reference === this.pin && !(isPinBlock(current) && isPinBlock(next))) {
      return new ResponseApdu(SW.WRONG_DATA);
    }
    const verification = reference.verify(current);
    if (verification === 'verified') reference.replace(next);
    return answer(reference, verification);
  }

  /** Part 2, 3.2.3: the PUK, then a new PIN. */
  #resetRetryCounter({ p1, p2, data }: CommandApdu): ResponseApdu {
    if (p1 !== 0x00) return new ResponseApdu(SW.WRONG_P1_P2);
    if (p2 !== PIN_REFERENCE) return new ResponseApdu(SW.REFERENCE_NOT_FOUND);
    if (this.puk.blocked) return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
    const [puk, newPin] = halves(data);
    if (!isPinBlock(newPin)) return new ResponseApdu(SW.WRONG_DATA);
    const verification = this.puk.verify(puk);
    this.puk.verified = false;
    this.pin.verified = false;
    if (verification === 'verified') this.pin.replace(newPin);
    return answer(this.puk, verification);
  }

  /** Part 2, 3.2.4: sign or decrypt (challenge), or agree on a key (exponentiation). */
  #generalAuthenticate({ p1, p2, data }: CommandApdu, pinFresh: boolean): ResponseApdu {
    const slot = this.#slots.get(p2);
    if (slot === undefined || p1 !== ALGORITHM_ID[slot.key.algorithm])
      return new ResponseApdu(SW.WRONG_P1_P2);
    const allowed = slot.pin === 'never' || (slot.pin === 'always' ? pinFresh : this.pin.verified);
    if (!allowed) return new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);

    const template = fromHost(() => findTlv(data, Template.DYNAMIC_AUTHENTICATION) ?? new Uint8Array(0));
    const parts = new Map(fromHost(() => decodeTlv(template)).map(({ tag, value }) => [tag, value]));
    const challenge = parts.get(Template.CHALLENGE);
    const point = parts.get(Template.EXPONENTIATION);
    if (parts.get(Template.RESPONSE)?.length !== 0) return new ResponseApdu(SW.WRONG_DATA);
    let result: Uint8Array;
    if (challenge !== undefined) result = slot.key.sign(challenge);
    else if (point !== undefined) result = slot.key.agree(point);
    else return new ResponseApdu(SW.WRONG_DATA);
    return ResponseApdu.ok(encodeTlv(Template.DYNAMIC_AUTHENTICATION, encodeTlv(Template.RESPONSE, result)));
  }

  /** Part 2, 3.1.2: the tag wanted comes in a tag list (5C). */
  #getData({ p1, p2, data }: CommandApdu): ResponseApdu {
    if (p1 !== 0x3f || p2 !== 0xff) return new ResponseApdu(SW.WRONG_P1_P2);
    const tagBytes = fromHost(() => findTlv(data, 0x5c));
    if (tagBytes === undefined || tagBytes.length === 0 || tagBytes.length > 3) {
      return new ResponseApdu(SW.WRONG_DATA);
    }
    const object = this.#objects.get(tagBytes.reduce((tag, byte) => tag * 0x100 + byte, 0));
    return object === undefined ? new ResponseApdu(SW.NOT_FOUND) : ResponseApdu.ok(object);
  }
}

function answer(reference: ReferenceData, verification: Verification): ResponseApdu {
  if (verification === 'verified') return ResponseApdu.ok();
  if (verification === 'blocked') return new ResponseApdu(SW.AUTHENTICATION_BLOCKED);
  return new ResponseApdu(SW.RETRIES_LEFT | reference.retriesLeft);
}

function verificationFailed(reference: ReferenceData): ResponseApdu {
  return answer(reference, reference.blocked ? 'blocked' : 'wrong');
}

/** Two references in one data field. */
function halves(data: Uint8Array): [Uint8Array, Uint8Array] {
  if (data.length !== 2 * REFERENCE_LENGTH) throw new StatusWordError(SW.WRONG_DATA);
  return [data.subarray(0, REFERENCE_LENGTH), data.subarray(REFERENCE_LENGTH)];
}

/** TLV the host got wrong is its fault: 6A80. */
function fromHost<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof MalformedTlvError) throw new StatusWordError(SW.WRONG_DATA);
    throw error;
  }
}
