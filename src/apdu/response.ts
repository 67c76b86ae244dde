import { MalformedApduError } from './command.js';
import { describeStatusWord, retriesLeft, SW } from './status-word.js';
import { StatusWordError } from './status-word-error.js';

const NOTHING = new Uint8Array(0);

/** A response APDU: data and a status word (ISO/IEC 7816-4, 5.1). */
export class ResponseApdu {
  constructor(
    /** SW1-SW2 as one number, e.g. 0x9000. */
    readonly sw: number,
    readonly data: Uint8Array = NOTHING,
  ) {
    if (!Number.isInteger(sw) || sw < 0 || sw > 0xffff) {
      throw new RangeError(`A status word is two bytes, but ${sw} was given.`);
    }
  }

  /**
   * Reads a response APDU. `data` is a view of `bytes`.
   *
   * @throws {MalformedApduError} Fewer than the two bytes of the status word came.
   */
  static parse(bytes: Uint8Array): ResponseApdu {
    const end = bytes.length - 2;
    if (end < 0) {
      throw new MalformedApduError(
        `A response APDU ends with a status word of 2 bytes, but only ${bytes.length} came.`,
      );
    }
    return new ResponseApdu(((bytes[end] ?? 0) << 8) | (bytes[end + 1] ?? 0), bytes.subarray(0, end));
  }

  /** A success (9000) with data, for code that plays a card. */
  static ok(data: Uint8Array = NOTHING): ResponseApdu {
    return new ResponseApdu(SW.OK, data);
  }

  get sw1(): number {
    return this.sw >> 8;
  }

  get sw2(): number {
    return this.sw & 0xff;
  }

  /** Normal processing: 9000, or 61xx (more data waits). */
  get ok(): boolean {
    return this.sw === SW.OK || this.sw1 === 0x61;
  }

  /** Tries left, if the status word contains them (63Cx, 6983). */
  get retriesLeft(): number | undefined {
    return retriesLeft(this.sw);
  }

  /** The status word in words. */
  get meaning(): string {
    return describeStatusWord(this.sw);
  }

  /**
   * @returns This response.
   * @throws {StatusWordError} It is not `ok`.
   */
  expectOk(): this {
    if (!this.ok) throw new StatusWordError(this.sw);
    return this;
  }

  encode(): Uint8Array {
    const bytes = new Uint8Array(this.data.length + 2);
    bytes.set(this.data);
    bytes[this.data.length] = this.sw1;
    bytes[this.data.length + 1] = this.sw2;
    return bytes;
  }
}
