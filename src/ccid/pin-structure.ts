import { CommandApdu } from '../apdu/index.js';
import { type CompletionCondition, completionByte } from './completion.js';

type Unit = 'bytes' | 'bits';

/** How the reader writes the digits into the command (PC/SC part 10, 2.5.2, and CCID 1.1, PC_to_RDR_Secure). */
export interface PinBlock {
  /**
   * 'binary': one byte per digit, its value. 'ascii': one byte per digit, its character. 'bcd': half a byte per digit.
   */
  encoding: 'binary' | 'bcd' | 'ascii';
  /**
   * Size of the PIN block in the command's data: 0 to 15 bytes, filled up as in the template. 0 means as many bytes as
   * the PIN needs.
   */
  bytes: number;
  /**
   * Where the PIN stands in its block.
   * @default 'left'
   */
  justify?: 'left' | 'right' | undefined;
  /**
   * Where the block starts in the command's data: 0 to 15, in units of `offsetUnit`.
   * @default 0
   */
  offset?: number | undefined;
  /**
   * The unit of `offset`.
   * @default 'bytes'
   */
  offsetUnit?: Unit | undefined;
  /**
   * Also writes the number of digits, in so many bits (0 to 15), at this offset (0 to 15) of the command's data.
   * @default not written; `unit` is 'bits'
   */
  length?: { bits: number; offset: number; unit?: Unit | undefined } | undefined;
}

/** The entry of a PIN on the reader (PIN_VERIFY_STRUCTURE). */
export interface PinEntry {
  /**
   * The command for the card, with filler in the place of the PIN: `00 20 00 80 08 FF FF FF FF FF FF FF FF`. It is not
   * changed.
   */
  apdu: Uint8Array;
  /** How the reader writes the PIN into the command. */
  block: PinBlock;
  /** Fewest digits that the reader accepts, 0 to 255. */
  minDigits: number;
  /** Most digits that the reader accepts, 0 to 255. */
  maxDigits: number;
  /**
   * Seconds for the whole entry, 0 to 255 (bTimerOut). 0 means the reader's own default.
   * @default 0
   */
  timeoutSeconds?: number | undefined;
  /**
   * Seconds after the first key, 0 to 255, for readers that count them separately (bTimerOut2).
   * @default 0
   */
  keyTimeoutSeconds?: number | undefined;
  /**
   * The conditions that end the entry (bEntryValidationCondition).
   * @default ['key']
   */
  completeOn?: readonly CompletionCondition[] | undefined;
  /**
   * The messages on the reader's display, by index (CCID 1.1: 0 the PIN, 1 the new PIN, 2 the new PIN again). An empty
   * array shows none; 'default' leaves the choice to the reader.
   * @default the messages that fit the entry
   */
  messages?: readonly number[] | 'default' | undefined;
  /**
   * The language of the messages, a Windows language identifier (wLangId).
   * @default 0x0409 (English)
   */
  language?: number | undefined;
  /**
   * The T=1 prologue field, for readers that require it (bTeoPrologue).
   * @default [0, 0, 0]
   */
  t1Prologue?: readonly [number, number, number] | undefined;
}

/** The change of a PIN on the reader (PIN_MODIFY_STRUCTURE). */
export interface PinChange extends PinEntry {
  /**
   * Offset of the current PIN's block in the command's data, 0 to 255 bytes. Undefined if the reader does not ask for
   * the current PIN.
   */
  currentPinAt: number | undefined;
  /** Offset of the new PIN's block in the command's data, 0 to 255 bytes. */
  newPinAt: number;
  /**
   * Asks for the new PIN twice.
   * @default true
   */
  confirm?: boolean | undefined;
}

const codings = { binary: 0, bcd: 1, ascii: 2 } as const;

/**
 * Encodes a PIN_VERIFY_STRUCTURE (PC/SC part 10, 2.5.2): packed, least significant byte first.
 *
 * @throws {RangeError | TypeError} A value is out of range, or the PIN does not fit into the command.
 * @throws {MalformedApduError} `apdu` is not a command APDU.
 */
export function encodePinVerify(entry: PinEntry): Uint8Array {
  checkPlace(entry, 0, 'The PIN');
  const messages = encodeMessages(entry.messages ?? [0], 1);
  return Uint8Array.of(
    ...encodeFormat(entry),
    ...encodeDigits(entry),
    completionByte(entry.completeOn ?? ['key']),
    messages.count,
    ...encodeLanguage(entry),
    ...messages.indices,
    ...encodeTail(entry),
  );
}

/**
 * Encodes a PIN_MODIFY_STRUCTURE (PC/SC part 10): packed, least significant byte first.
 *
 * @throws {RangeError | TypeError} A value is out of range, a PIN does not fit into the command, or the PINs overlap.
 * @throws {MalformedApduError} `apdu` is not a command APDU.
 */
export function encodePinModify(change: PinChange): Uint8Array {
  const { currentPinAt, newPinAt, confirm = true } = change;
  const asksCurrent = currentPinAt !== undefined;
  if (asksCurrent) checkPlace(change, byte('currentPinAt', currentPinAt), 'The current PIN');
  checkPlace(change, byte('newPinAt', newPinAt), 'The new PIN');
  if (asksCurrent && Math.abs(currentPinAt - newPinAt) < change.block.bytes) {
    throw new RangeError('The current and the new PIN would overlap in the command.');
  }
  const fitting = [...(asksCurrent ? [0] : []), 1, ...(confirm ? [2] : [])];
  const messages = encodeMessages(change.messages ?? fitting, 3);
  return Uint8Array.of(
    ...encodeFormat(change),
    currentPinAt ?? 0,
    newPinAt,
    ...encodeDigits(change),
    (confirm ? 1 : 0) | (asksCurrent ? 2 : 0),
    completionByte(change.completeOn ?? ['key']),
    messages.count,
    ...encodeLanguage(change),
    ...messages.indices,
    ...encodeTail(change),
  );
}

/** bTimerOut, bTimerOut2, bmFormatString, bmPINBlockString, bmPINLengthFormat. */
function encodeFormat({ block, timeoutSeconds = 0, keyTimeoutSeconds = 0 }: PinEntry): number[] {
  const { encoding, bytes, justify = 'left', offset = 0, offsetUnit = 'bytes', length } = block;
  const coding = Object.hasOwn(codings, encoding) ? codings[encoding] : undefined;
  if (coding === undefined) {
    throw new TypeError(
      `encoding must be one of '${Object.keys(codings).join("', '")}', not '${String(encoding)}'.`,
    );
  }
  if (justify !== 'left' && justify !== 'right') {
    throw new TypeError(`justify must be one of 'left', 'right', not '${String(justify)}'.`);
  }
  return [
    byte('timeoutSeconds', timeoutSeconds),
    byte('keyTimeoutSeconds', keyTimeoutSeconds),
    (isBytes(offsetUnit) << 7) |
      (within('offset', offset, 15) << 3) |
      ((justify === 'right' ? 1 : 0) << 2) |
      coding,
    (within('length.bits', length?.bits ?? 0, 15) << 4) | within('bytes', bytes, 15),
    (isBytes(length?.unit ?? 'bits') << 4) | within('length.offset', length?.offset ?? 0, 15),
  ];
}

/** wPINMaxExtraDigit: 0xXXYY, the minimum and the maximum. */
function encodeDigits({ block, minDigits, maxDigits }: PinEntry): [number, number] {
  byte('minDigits', minDigits);
  byte('maxDigits', maxDigits);
  if (minDigits > maxDigits) {
    throw new RangeError(`minDigits (${minDigits}) must not be above maxDigits (${maxDigits}).`);
  }
  const room = block.encoding === 'bcd' ? 2 * block.bytes : block.bytes;
  if (block.bytes > 0 && maxDigits > room) {
    throw new RangeError(
      `${maxDigits} digits do not fit a block of ${block.bytes} bytes, which takes ${room}.`,
    );
  }
  return [maxDigits, minDigits];
}

/** bNumberMessage and the indices; 0xFF leaves the choice to the reader. */
function encodeMessages(messages: readonly number[] | 'default', most: number) {
  const chosen = messages === 'default' ? [] : messages;
  if (chosen.length > most) {
    throw new RangeError(`messages: there is room for ${most}, but ${chosen.length} were given.`);
  }
  const indices = Array.from({ length: most }, (_, i) => byte('messages', chosen[i] ?? 0));
  return { count: messages === 'default' ? 0xff : chosen.length, indices };
}

function encodeLanguage({ language = 0x0409 }: PinEntry): [number, number] {
  within('language', language, 0xffff);
  return [language & 0xff, language >> 8];
}

/** bTeoPrologue, ulDataLength, abData. */
function encodeTail({ t1Prologue = [0, 0, 0], apdu }: PinEntry): number[] {
  if (t1Prologue.length !== 3) throw new RangeError(`t1Prologue has 3 bytes, not ${t1Prologue.length}.`);
  for (const value of t1Prologue) byte('t1Prologue', value);
  const length = [0, 8, 16, 24].map((shift) => (apdu.length >>> shift) & 0xff);
  return [...t1Prologue, ...length, ...apdu];
}

/** Checks that the block, at this offset, lies within the data of the command. */
function checkPlace({ apdu, block }: PinEntry, moved: number, what: string): void {
  const { data } = CommandApdu.parse(apdu);
  const { bytes, offset = 0, offsetUnit = 'bytes' } = block;
  if (bytes === 0) return;
  const start = moved + (offsetUnit === 'bits' ? Math.ceil(offset / 8) : offset);
  if (start + bytes > data.length) {
    throw new RangeError(
      `${what} takes bytes ${start} to ${start + bytes - 1} of the command's data, which has only ${data.length}.`,
    );
  }
}

function isBytes(unit: Unit): number {
  if (unit !== 'bytes' && unit !== 'bits') {
    throw new TypeError(`unit must be one of 'bytes', 'bits', not '${String(unit)}'.`);
  }
  return unit === 'bytes' ? 1 : 0;
}

function byte(name: string, value: number): number {
  return within(name, value, 0xff);
}

function within(name: string, value: number, most: number): number {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new RangeError(`${name} must be a whole number from 0 to ${most}, not ${value}.`);
  }
  return value;
}
