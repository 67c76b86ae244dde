import { type KeyObject, randomBytes } from 'node:crypto';
import { type CommandApdu, encodeTlv, ResponseApdu, SW } from '../../../apdu/index.js';
import { Template } from '../../../piv/general-authenticate.js';
import { MANAGEMENT_KEY_REFERENCE } from '../../../piv/identifiers.js';
import {
  ALGORITHM_ID,
  type ManagementAlgorithm,
  type PivAlgorithm,
  type PivSlot,
  SLOTS,
} from '../../../piv/index.js';
import { type Applet, unknownInstruction } from '../applet.js';
import { generate, importKey, putData, setManagementKey, tagIn } from './administration.js';
import { selfSignedCertificate } from './certificate.js';
import { PivKey } from './key.js';
import { ManagementKey } from './management.js';
import { findIn, PivMemory, partsOf } from './memory.js';
import * as objects from './objects.js';
import { pinBlock, pukBlock, ReferenceData } from './pin.js';
import { changeReferenceData, resetRetryCounter, verify } from './pin-commands.js';
import { pinPolicyOf } from './pin-policy.js';
import { ATTESTATION_SUBJECT, attest, getMetadata, YubicoIdentity, type YubicoOptions } from './yubico.js';

const Instruction = {
  VERIFY: 0x20,
  CHANGE_REFERENCE_DATA: 0x24,
  RESET_RETRY_COUNTER: 0x2c,
  GENERATE_ASYMMETRIC_KEY_PAIR: 0x47,
  GENERAL_AUTHENTICATE: 0x87,
  GET_DATA: 0xcb,
  PUT_DATA: 0xdb,
} as const;

/** Yubico, PIV extensions. */
const YubicoInstruction = {
  GET_METADATA: 0xf7,
  GET_SERIAL: 0xf8,
  ATTEST: 0xf9,
  GET_VERSION: 0xfd,
  IMPORT_ASYMMETRIC_KEY: 0xfe,
  SET_MANAGEMENT_KEY: 0xff,
} as const;

export const DEFAULT_PIN = '123456';
export const DEFAULT_PUK = '12345678';
/** The management key of a new YubiKey, 24 bytes. */
export const DEFAULT_MANAGEMENT_KEY: Uint8Array = Uint8Array.from({ length: 24 }, (_, i) => (i % 8) + 1);

export interface PivOptions {
  /** Default P256, which costs next to nothing; an RSA2048 key takes about 100 ms to make, RSA4096 seconds. */
  algorithm?: PivAlgorithm;
  /** 6 to 8 digits; default 123456. */
  pin?: string;
  /** 6 to 8 ASCII characters; default 12345678. */
  puk?: string;
  /** A global PIN, 6 to 8 digits, which is then the primary one; default: none. */
  globalPin?: string;
  /** The card management key; default that of a new YubiKey. */
  managementKey?: Uint8Array;
  /** Algorithm of the management key; default 3DES. */
  managementAlgorithm?: ManagementAlgorithm;
  /**
   * Play a YubiKey: GET VERSION, GET SERIAL, GET METADATA, ATTEST (with a key in slot F9), IMPORT ASYMMETRIC KEY and SET
   * MANAGEMENT KEY; default false. A real one has RSA3072, RSA4096 and Ed25519 only from version 5.7.
   */
  yubico?: boolean | YubicoOptions;
  /** Tries before PIN and PUK are blocked, 1 to 15; default 3. */
  retries?: number;
  /** Common name on the certificates; default `PIV card` and the beginning of the GUID. Empty: no subject. */
  subject?: string;
  /** The card's 16-byte identifier; default random. */
  guid?: Uint8Array;
  /** Keys to make, each with a certificate; default 9A (PIV authentication) alone. */
  slots?: readonly PivSlot[];
  /** Use this private key in every slot instead of new ones. */
  privateKey?: KeyObject;
}

/** The PIV card application (NIST SP 800-73-5, part 2), without secure messaging and biometrics. */
export class PivApplet implements Applet {
  readonly aid: Uint8Array = objects.PIV_AID;
  readonly answersWithoutLe = true;
  /** 16 bytes, as in the CHUID that the card was made with. */
  readonly guid: Uint8Array;
  readonly #memory: PivMemory;
  readonly #yubico: YubicoIdentity | undefined;
  /** The PIN was verified by the command just before this one, as the key of slot 9C requires it. */
  #pinFresh = false;

  private constructor(options: PivOptions, guid: Uint8Array) {
    const { pin = DEFAULT_PIN, puk = DEFAULT_PUK, globalPin, retries = 3, yubico = false } = options;
    const { managementKey = DEFAULT_MANAGEMENT_KEY, managementAlgorithm = '3DES' } = options;
    this.guid = guid;
    this.#memory = new PivMemory(
      new ReferenceData(pinBlock(pin), retries),
      new ReferenceData(pukBlock(puk), retries),
      globalPin === undefined ? undefined : new ReferenceData(pinBlock(globalPin), retries),
      new ManagementKey(managementKey, managementAlgorithm),
    );
    if (yubico !== false) this.#yubico = new YubicoIdentity(yubico === true ? {} : yubico);
    const { ObjectTag } = objects;
    this.#memory.objects
      .set(ObjectTag.CHUID, objects.chuid(guid))
      .set(ObjectTag.CARD_CAPABILITY_CONTAINER, objects.cardCapabilityContainer(guid))
      .set(ObjectTag.DISCOVERY, objects.discoveryObject(globalPin !== undefined))
      .set(ObjectTag.KEY_HISTORY, objects.keyHistory());
  }

  /**
   * A PIV application with new keys and certificates.
   *
   * @throws {RangeError} PIN, PUK, retries, GUID, management key or YubiKey are not as the options say.
   * @throws {TypeError} `privateKey` is of no supported kind.
   */
  static async create(options: PivOptions = {}): Promise<PivApplet> {
    const { algorithm = 'P256', slots = ['9A'], guid = randomBytes(16), privateKey } = options;
    const subject = options.subject ?? `PIV card ${Buffer.from(guid).toString('hex', 0, 4)}`;
    const applet = new PivApplet(options, guid);
    const keys = slots.map(async (slot) => {
      const key = privateKey ? PivKey.from(privateKey) : await PivKey.generate(algorithm);
      return { slot, key, subject };
    });
    if (applet.#yubico !== undefined && !slots.includes('F9')) {
      keys.push(PivKey.generate('P256').then((key) => ({ slot: 'F9', key, subject: ATTESTATION_SUBJECT })));
    }
    const made = await Promise.all(keys);
    await Promise.all(made.map((one) => applet.#store(one.slot, one.key, one.subject)));
    return applet;
  }

  /** Certificates in DER, by slot. */
  get certificates(): ReadonlyMap<PivSlot, Uint8Array> {
    const found = new Map<PivSlot, Uint8Array>();
    for (const [slot, { certificateTag }] of Object.entries(SLOTS)) {
      const object = this.#memory.objects.get(certificateTag);
      const certificate = object && objects.certificateIn(object);
      if (certificate !== undefined) found.set(slot as PivSlot, certificate);
    }
    return found;
  }

  /** The certificate for PIV authentication (slot 9A), in DER; undefined when the slot is empty. */
  get certificate(): Uint8Array | undefined {
    return this.certificates.get('9A');
  }

  get pin(): ReferenceData {
    return this.#memory.pin;
  }

  get puk(): ReferenceData {
    return this.#memory.puk;
  }

  /** Undefined if the card has none. */
  get globalPin(): ReferenceData | undefined {
    return this.#memory.globalPin;
  }

  select(): ResponseApdu {
    return ResponseApdu.ok(objects.applicationPropertyTemplate('pcsc-bridge virtual PIV'));
  }

  deselect(): void {
    this.reset();
  }

  reset(): void {
    this.#memory.reset();
    this.#pinFresh = false;
  }

  process(command: CommandApdu): ResponseApdu | Promise<ResponseApdu> {
    if (command.class.proprietary) return new ResponseApdu(SW.CLASS_NOT_SUPPORTED);
    const pinFresh = this.#pinFresh;
    // On YubiKeys only a use of a key ends it; yubico-piv-tool asks for data between the PIN and the signature.
    this.#pinFresh &&= this.#yubico !== undefined && command.ins !== Instruction.GENERAL_AUTHENTICATE;
    switch (command.ins) {
      case Instruction.VERIFY: {
        const response = verify(this.#memory, command);
        this.#pinFresh = response.ok && command.data.length > 0;
        return response;
      }
      case Instruction.CHANGE_REFERENCE_DATA:
        return changeReferenceData(this.#memory, command);
      case Instruction.RESET_RETRY_COUNTER:
        return resetRetryCounter(this.#memory, command);
      case Instruction.GENERAL_AUTHENTICATE:
        return this.#generalAuthenticate(command, pinFresh);
      case Instruction.GET_DATA:
        return this.#getData(command);
      case Instruction.PUT_DATA:
        return putData(this.#memory, command);
      case Instruction.GENERATE_ASYMMETRIC_KEY_PAIR:
        return generate(this.#memory, command);
      default:
        return this.#yubico === undefined ? unknownInstruction() : this.#extension(this.#yubico, command);
    }
  }

  #extension(yubico: YubicoIdentity, command: CommandApdu): ResponseApdu | Promise<ResponseApdu> {
    switch (command.ins) {
      case YubicoInstruction.GET_VERSION:
        return ResponseApdu.ok(yubico.version);
      case YubicoInstruction.GET_SERIAL:
        return ResponseApdu.ok(yubico.serial);
      case YubicoInstruction.GET_METADATA:
        return getMetadata(this.#memory, command);
      case YubicoInstruction.ATTEST:
        return attest(this.#memory, command);
      case YubicoInstruction.IMPORT_ASYMMETRIC_KEY:
        return importKey(this.#memory, command);
      case YubicoInstruction.SET_MANAGEMENT_KEY:
        return setManagementKey(this.#memory, command);
      default:
        return unknownInstruction();
    }
  }

  /** Part 2, 3.2.4: sign or decrypt (challenge), agree on a key (exponentiation), or authenticate the manager (9B). */
  #generalAuthenticate({ p1, p2, data }: CommandApdu, pinFresh: boolean): ResponseApdu {
    const template = () => partsOf(findIn(data, Template.DYNAMIC_AUTHENTICATION) ?? new Uint8Array(0));
    if (p2 === MANAGEMENT_KEY_REFERENCE) return this.#memory.management.generalAuthenticate(p1, template());
    const slot = this.#memory.slots.get(p2);
    if (slot === undefined || p1 !== ALGORITHM_ID[slot.key.algorithm])
      return new ResponseApdu(SW.WRONG_P1_P2);
    const allowed = slot.pin === 'never' || (slot.pin === 'always' ? pinFresh : this.#memory.pinVerified);
    if (!allowed) return new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);

    const parts = template();
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
    const tag = tagIn(findIn(data, 0x5c));
    if (tag === undefined) return new ResponseApdu(SW.WRONG_DATA);
    const object = this.#memory.objects.get(tag);
    return object === undefined ? new ResponseApdu(SW.NOT_FOUND) : ResponseApdu.ok(object);
  }

  async #store(slot: PivSlot, key: PivKey, subject: string): Promise<void> {
    const certificate = await selfSignedCertificate(key, { subject });
    const { reference, certificateTag } = SLOTS[slot];
    this.#memory.slots.set(reference, { key, pin: pinPolicyOf(slot) });
    this.#memory.objects.set(certificateTag, objects.certificateObject(certificate));
  }
}
