import { ResponseApdu } from '../apdu/index.js';
import type { WaitOptions } from '../support/cancellation.js';
import { ContactlessError, type ContactlessErrorCode } from './error.js';

/** A card in a contactless reader: a `Card`, or a `Transaction` while it runs. */
export interface ContactlessCard {
  /** Sends an APDU (SCardTransmit). */
  transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array>;
}

/** Class of the commands that the reader itself executes (PC/SC part 3, 3.2.2.1). */
const CLA = 0xff;
const Instruction = { LoadKey: 0x82, Authenticate: 0x86, Read: 0xb0, GetData: 0xca, Update: 0xd6 } as const;

const UID = 0x00;
const ATS = 0x01;

/** The bytes of a MIFARE key. */
const KEY_LENGTH = 6;

/**
 * Reads the card's unique identifier (PC/SC part 3, 3.2.2.1.3, Get Data).
 *
 * @returns 4, 7 or 10 bytes for ISO/IEC 14443 A; 8 for ISO/IEC 15693 and FeliCa. Many cards choose a new one each time.
 * @throws {ContactlessError} CONTACTLESS_UNSUPPORTED: the reader is not contactless.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export function readUid(card: ContactlessCard, options?: WaitOptions): Promise<Uint8Array> {
  return send(card, 'read the UID', [CLA, Instruction.GetData, UID, 0, 0], options);
}

/**
 * Reads the historical bytes of the card's answer to select (PC/SC part 3, 3.2.2.1.3, Get Data with P1 01).
 *
 * @throws {ContactlessError} CONTACTLESS_UNSUPPORTED: the card has none, as most storage cards, or the reader does not
 *   tell.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export function readAts(card: ContactlessCard, options?: WaitOptions): Promise<Uint8Array> {
  return send(card, 'read the ATS', [CLA, Instruction.GetData, ATS, 0, 0], options);
}

export interface LoadKeyOptions extends WaitOptions {
  /**
   * The place in the reader, 0 to 255; most readers have two.
   * @default 0
   */
  slot?: number;
  /**
   * Keeps the key in the reader without power. Most readers can be written to only so often.
   * @default false
   */
  persistent?: boolean;
}

/**
 * Loads a key into the reader, for `authenticate` (PC/SC part 3, 3.2.2.1.4, Load Keys). The command is wiped after it was
 * sent; wipe `key` yourself. The other programs that use the reader can authenticate with the key too, but not read it.
 *
 * @param key - 6 bytes for MIFARE.
 * @throws {RangeError} The key has no bytes or more than 255, or the slot is not one byte.
 * @throws {ContactlessError} CONTACTLESS_UNSUPPORTED, CONTACTLESS_REFUSED: the reader has no such place.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export async function loadKey(
  card: ContactlessCard,
  key: Uint8Array,
  options: LoadKeyOptions = {},
): Promise<void> {
  const { slot = 0, persistent = false } = options;
  checkByte(slot, 'The slot');
  if (key.length === 0 || key.length > 0xff) {
    throw new RangeError(`A key has 1 to 255 bytes (MIFARE: ${KEY_LENGTH}), but ${key.length} were given.`);
  }
  const structure = persistent ? 0x20 : 0x00;
  const header = [CLA, Instruction.LoadKey, structure, slot, key.length];
  await send(card, 'load a key', header, options, unsupported, key);
}

export interface AuthenticateOptions extends WaitOptions {
  /**
   * Which of the two keys of a MIFARE sector was loaded.
   * @default 'A'
   */
  keyType?: 'A' | 'B';
  /**
   * Where `loadKey` put it.
   * @default 0
   */
  slot?: number;
}

/**
 * Authenticates a block with a loaded key (PC/SC part 3, 3.2.2.1.6, General Authenticate). With MIFARE Classic this opens the
 * sector of the block, until the next authentication or until the card leaves the field.
 *
 * @param block - 0 to 65,535.
 * @throws {RangeError} The block or the slot is out of range.
 * @throws {ContactlessError} CONTACTLESS_WRONG_KEY, CONTACTLESS_UNSUPPORTED.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export async function authenticate(
  card: ContactlessCard,
  block: number,
  options: AuthenticateOptions = {},
): Promise<void> {
  const { keyType = 'A', slot = 0 } = options;
  checkAddress(block);
  checkByte(slot, 'The slot');
  const type = keyType === 'A' ? 0x60 : 0x61;
  const body = [0x01, block >> 8, block & 0xff, type, slot];
  const what = `authenticate block ${block}`;
  await send(card, what, [CLA, Instruction.Authenticate, 0, 0, body.length, ...body], options, {
    25344: 'CONTACTLESS_WRONG_KEY',
    27010: 'CONTACTLESS_WRONG_KEY',
    27011: 'CONTACTLESS_WRONG_KEY',
  });
}

/**
 * Reads bytes from a storage card (PC/SC part 3, 3.2.2.1.8, Read Binary).
 *
 * @param address - What the card counts: MIFARE Classic blocks of 16 bytes, MIFARE Ultralight and NTAG pages of 4 bytes.
 * @param length - 1 to 256 bytes. Most readers allow only multiples of the unit, and at most 16 bytes of MIFARE.
 * @throws {RangeError} The address or the length is out of range.
 * @throws {ContactlessError} CONTACTLESS_NOT_AUTHENTICATED, CONTACTLESS_REFUSED.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export function readBinary(
  card: ContactlessCard,
  address: number,
  length: number,
  options?: WaitOptions,
): Promise<Uint8Array> {
  checkAddress(address);
  if (!Number.isInteger(length) || length < 1 || length > 256) {
    throw new RangeError(`A read returns 1 to 256 bytes, but ${length} were asked for.`);
  }
  const command = [CLA, Instruction.Read, address >> 8, address & 0xff, length & 0xff];
  return send(card, `read ${length} bytes at ${address}`, command, options, locked);
}

/**
 * Writes bytes to a storage card (PC/SC part 3, 3.2.2.1.9, Update Binary).
 *
 * @param address - As for `readBinary`. Block 3 of each sector of a MIFARE Classic has the keys: wrong bytes there lock the
 *   sector for good.
 * @param data - 1 to 255 bytes: 16 for MIFARE Classic, 4 for MIFARE Ultralight and NTAG.
 * @throws {RangeError} The address or the length is out of range.
 * @throws {ContactlessError} CONTACTLESS_NOT_AUTHENTICATED, CONTACTLESS_REFUSED.
 * @throws {PcscError} The codes of SCardTransmit.
 */
export async function updateBinary(
  card: ContactlessCard,
  address: number,
  data: Uint8Array,
  options?: WaitOptions,
): Promise<void> {
  checkAddress(address);
  if (data.length < 1 || data.length > 0xff) {
    throw new RangeError(`A write takes 1 to 255 bytes, but ${data.length} were given.`);
  }
  const header = [CLA, Instruction.Update, address >> 8, address & 0xff, data.length];
  await send(card, `write ${data.length} bytes at ${address}`, header, options, locked, data);
}

type Meanings = Readonly<Record<number, ContactlessErrorCode>>;

/** 6300 is what many readers answer to every failure; of a read or write it mostly means this. */
const locked: Meanings = {
  27010: 'CONTACTLESS_NOT_AUTHENTICATED',
  25344: 'CONTACTLESS_NOT_AUTHENTICATED',
};

const unsupported: Meanings = {
  27265: 'CONTACTLESS_UNSUPPORTED',
  27904: 'CONTACTLESS_UNSUPPORTED',
  28160: 'CONTACTLESS_UNSUPPORTED',
};

async function send(
  card: ContactlessCard,
  what: string,
  header: readonly number[],
  options: WaitOptions | undefined,
  meanings: Meanings = unsupported,
  data: Uint8Array = new Uint8Array(),
): Promise<Uint8Array> {
  // No other copy is made: the data may be a key.
  const command = new Uint8Array(header.length + data.length);
  command.set(header);
  command.set(data, header.length);
  try {
    const response = ResponseApdu.parse(await card.transmit(command, options));
    const { ok, sw } = response;
    if (ok) return response.data;
    const code = meanings[sw] ?? unsupported[sw] ?? 'CONTACTLESS_REFUSED';
    throw new ContactlessError(code, `The reader could not ${what}`, sw);
  } finally {
    command.fill(0);
  }
}

function checkAddress(address: number): void {
  if (!Number.isInteger(address) || address < 0 || address > 0xffff) {
    throw new RangeError(`An address is a whole number from 0 to 65535, but is ${address}.`);
  }
}

function checkByte(value: number, name: string): void {
  if (!Number.isInteger(value) || value < 0 || value > 0xff) {
    throw new RangeError(`${name} is a whole number from 0 to 255, but is ${value}.`);
  }
}
