import { InterindustryClass } from './interindustry-class.js';

/** Most data bytes a short command APDU carries (Nc) and most it can ask for (Ne). */
export const SHORT_MAX_NC = 255;
export const SHORT_MAX_NE = 256;
/** The same for extended length. */
export const EXTENDED_MAX_NC = 65_535;
export const EXTENDED_MAX_NE = 65_536;

/** The bytes are not an APDU (ISO/IEC 7816-3, 12.1). The message says what is wrong. */
export class MalformedApduError extends Error {
  override readonly name = 'MalformedApduError';
}

/** The four cases of ISO/IEC 7816-3, 12.1.2: no data; data back; data out; both. */
export type ApduCase = 1 | 2 | 3 | 4;

export interface CommandFields {
  /** Class byte, 0x00-0xFE. */
  cla: number;
  /** Instruction byte. */
  ins: number;
  p1: number;
  p2: number;
  /** The command data field, at most 65,535 bytes. */
  data?: Uint8Array;
  /** Ne: the maximum number of response bytes, 0 (none) to 65,536. */
  ne?: number;
  /** Encodes extended length fields even if short ones suffice. */
  extended?: boolean;
}

/** A command APDU, immutable apart from the bytes of `data`, which it does not copy. */
export class CommandApdu {
  readonly cla: number;
  readonly ins: number;
  readonly p1: number;
  readonly p2: number;
  readonly data: Uint8Array;
  /** Ne: the maximum number of response bytes; 0 means no Le field. */
  readonly ne: number;
  /** True if extended length was requested, or used by the parsed bytes. */
  readonly extended: boolean;

  /** @throws {RangeError} A field does not fit its place in an APDU. */
  constructor(fields: CommandFields) {
    const { cla, ins, p1, p2, data = new Uint8Array(0), ne = 0, extended = false } = fields;
    for (const [name, value] of Object.entries({ cla, ins, p1, p2 })) {
      if (!Number.isInteger(value) || value < 0 || value > 0xff) {
        throw new RangeError(`${name.toUpperCase()} must be one byte, but is ${value}.`);
      }
    }
    if (cla === 0xff) throw new RangeError('CLA FF is reserved and not a class.');
    if (data.length > EXTENDED_MAX_NC) {
      throw new RangeError(`An APDU carries at most 65535 data bytes, but ${data.length} were given.`);
    }
    if (!Number.isInteger(ne) || ne < 0 || ne > EXTENDED_MAX_NE) {
      throw new RangeError(`Ne must be a whole number from 0 to 65536, but is ${ne}.`);
    }
    this.cla = cla;
    this.ins = ins;
    this.p1 = p1;
    this.p2 = p2;
    this.data = data;
    this.ne = ne;
    this.extended = extended;
  }

  /**
   * Reads a command APDU, short or extended. `data` is a view of `bytes`, so that wiping `bytes` wipes it.
   *
   * @throws {MalformedApduError} The bytes fit none of the seven layouts.
   */
  static parse(bytes: Uint8Array): CommandApdu {
    const [cla = 0, ins = 0, p1 = 0, p2 = 0, p3 = 0] = bytes;
    if (bytes.length < 4) {
      throw new MalformedApduError(`A command APDU has a header of 4 bytes, but only ${bytes.length} came.`);
    }
    if (cla === 0xff) throw new MalformedApduError('CLA FF is reserved and not a class.');
    const header = { cla, ins, p1, p2 };
    if (bytes.length === 4) return new CommandApdu(header);
    if (bytes.length === 5) return new CommandApdu({ ...header, ne: p3 || SHORT_MAX_NE });
    if (p3 === 0) return new CommandApdu({ ...header, ...extendedBody(bytes) });
    return new CommandApdu({ ...header, ...shortBody(bytes, p3) });
  }

  get case(): ApduCase {
    if (this.data.length === 0) return this.ne === 0 ? 1 : 2;
    return this.ne === 0 ? 3 : 4;
  }

  /** The decoded class byte: logical channel, secure messaging, chaining (ISO/IEC 7816-4, 5.4.1). */
  get class(): InterindustryClass {
    return new InterindustryClass(this.cla);
  }

  /** True if the fields fit into short length fields. */
  get fitsShort(): boolean {
    return this.data.length <= SHORT_MAX_NC && this.ne <= SHORT_MAX_NE;
  }

  /** Returns a copy with other values in some fields. */
  with(changes: Partial<CommandFields>): CommandApdu {
    return new CommandApdu({ ...this, ...changes });
  }

  /** Returns the bytes to send: extended if requested or necessary, short otherwise. */
  encode(): Uint8Array {
    const { cla, ins, p1, p2, data, ne } = this;
    const header = [cla, ins, p1, p2];
    // Case 1 has no length field, so it looks the same in both forms.
    if (this.case === 1) return Uint8Array.from(header);
    if (!this.extended && this.fitsShort) {
      const lc = data.length > 0 ? [data.length] : [];
      const le = ne > 0 ? [ne & 0xff] : [];
      return concat(header, lc, data, le);
    }
    const lc = data.length > 0 ? [0, data.length >> 8, data.length & 0xff] : [];
    const le = ne > 0 ? [(ne >> 8) & 0xff, ne & 0xff] : [];
    // Only the first length field starts with the 00 that announces extended length.
    return concat(header, lc, data, data.length === 0 ? [0, ...le] : le);
  }
}

function shortBody(bytes: Uint8Array, lc: number): Partial<CommandFields> {
  const end = 5 + lc;
  if (bytes.length < end) {
    throw new MalformedApduError(
      `Lc announces ${lc} data bytes, but only ${bytes.length - 5} follow: the APDU is cut short.`,
    );
  }
  const rest = bytes.length - end;
  if (rest > 1) {
    throw new MalformedApduError(
      `After Lc = ${lc} data bytes at most one byte (Le) may follow, but ${rest} do.`,
    );
  }
  const data = bytes.subarray(5, end);
  return rest === 0 ? { data } : { data, ne: bytes[end] || SHORT_MAX_NE };
}

function extendedBody(bytes: Uint8Array): Partial<CommandFields> {
  if (bytes.length < 7) {
    throw new MalformedApduError(
      'A fifth byte 00 with bytes after it announces extended length, which takes two more bytes.',
    );
  }
  const length = uint16(bytes, 5);
  if (bytes.length === 7) return { ne: length || EXTENDED_MAX_NE, extended: true };
  if (length === 0) {
    throw new MalformedApduError('Extended Lc is 0, but data follows.');
  }
  const end = 7 + length;
  if (bytes.length < end) {
    throw new MalformedApduError(
      `Extended Lc announces ${length} data bytes, but only ${bytes.length - 7} follow: the APDU is cut short.`,
    );
  }
  const rest = bytes.length - end;
  const data = bytes.subarray(7, end);
  if (rest === 0) return { data, extended: true };
  if (rest === 2) return { data, ne: uint16(bytes, end) || EXTENDED_MAX_NE, extended: true };
  throw new MalformedApduError(
    `After extended Lc = ${length} data bytes either nothing or a two-byte Le follows, but ${rest} bytes do.`,
  );
}

function uint16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function concat(...parts: ArrayLike<number>[]): Uint8Array {
  // Not `new Uint8Array(length)`: V8 keeps short arrays on its heap and moves them, which leaves copies
  // behind.
  const whole = new Uint8Array(new ArrayBuffer(parts.reduce((length, part) => length + part.length, 0)));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** The bytes of a command in either form. */
export function encodeCommand(command: CommandApdu | Uint8Array): Uint8Array {
  return command instanceof CommandApdu ? command.encode() : command;
}
