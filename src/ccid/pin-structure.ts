import { CommandApdu } from '../apdu/index.js';
import { type CompletionCondition, completionByte } from './completion.js';

type Unit = 'bytes' | 'bits';

/** How the reader writes the digits into the command (PC/SC part 10, 2.5.2, as CCID 1.1 has it for PC_to_RDR_Secure). */
export interface PinBlock {
  /** One byte per digit: its value ('binary') or its character ('ascii'); or half a byte ('bcd'). */
  encoding: 'binary' | 'bcd' | 'ascii';
  /** Bytes the PIN takes in the command's data, 0 to 15, filled up as the template is; 0: as many as it needs. */
  bytes: number;
  /** Where in its block the PIN stands; 'left' unless given. */
  justify?: 'left' | 'right' | undefined;
  /** Where the block starts in the command's data, 0 (unless given) to 15. */
  offset?: number | undefined;
  /** What `offset` counts; 'bytes' unless given. */
  offsetUnit?: Unit | undefined;
  /** The number of digits is written too: in so many bits (0 to 15), starting here in the command's data. */
  length?: { bits: number; offset: number; unit?: Unit | undefined } | undefined;
}

export interface PinEntry {
  /**
   * The command as the card shall get it, with filler where the PIN goes: `00 20 00 80 08 FF FF FF FF FF FF FF
   * FF`. It is not changed.
   */
  apdu: Uint8Array;
  block: PinBlock;
  /** Fewest digits the reader takes, 0 to 255. */
  minDigits: number;
  /** Most digits the reader takes, 0 to 255. */
  maxDigits: number;
  /** Seconds for the whole entry, 1 to 255; 0 (unless given): the reader's own default. */
  timeoutSeconds?: number | undefined;
  /** Seconds from the first key on, where the reader counts them separately; 0 unless given. */
  keyTimeoutSeconds?: number | undefined;
  /** What ends the entry; `['key']` unless given. */
  completeOn?: readonly CompletionCondition[] | undefined;
  /**
   * What the reader's display asks for: indices of its messages (CCID 1.1: 0 the PIN, 1 the new PIN, 2 the new
   * PIN again), none, or 'default' for its own choice. What fits the entry unless given.
   */
  messages?: readonly number[] | 'default' | undefined;
  /** wLangId of the messages, a Windows language identifier; 0x0409 (English) unless given. */
  language?: number | undefined;
  /** bTeoPrologue: the T=1 prologue field, for readers that want it; zeros unless given. */
  t1Prologue?: readonly [number, number, number] | undefined;
}

export interface PinChange extends PinEntry {
  /** Where the block of the current PIN is, in bytes of the command's data, 0 to 255; undefined: it is not asked for. */
  currentPinAt: number | undefined;
  /** Where the block of the new PIN is. */
  newPinAt: number;
  /** The new PIN has to be entered twice; true unless given. */
  confirm?: boolean | undefined;
}

const codings = { binary: 0, bcd: 1, ascii: 2 } as const;

/**
 * PIN_VERIFY_STRUCTURE (PC/SC part 10, 2.5.2), packed, its numbers with the least significant byte first.
 *
 * @throws {RangeError|TypeError} A value has no place in the structure, or the PIN none in the command.
 * @throws {MalformedApduError} `apdu` is none.
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
 * PIN_MODIFY_STRUCTURE (PC/SC part 10), packed, its numbers with the least significant byte first.
 *
 * @throws As `encodePinVerify`.
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
    throw new TypeError(`encoding: '${String(encoding)}' is none of '${Object.keys(codings).join("', '")}'.`);
  }
  if (justify !== 'left' && justify !== 'right') {
    throw new TypeError(`justify: '${String(justify)}' is none of 'left', 'right'.`);
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

/** The block, moved by so many bytes, must lie within the data of the command. */
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
    throw new TypeError(`unit: '${String(unit)}' is none of 'bytes', 'bits'.`);
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
