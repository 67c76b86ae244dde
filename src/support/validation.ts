/** The literals of the public API, and the validation of arguments. */
import { isUint8Array } from 'node:util/types';
import { Dispositions, ProtocolBits, ShareModes } from '../native/numbers.js';

/** How a card is shared with other programs (SCardConnect, dwShareMode). */
export type ShareMode = keyof typeof ShareModes;
/** What happens to the card at the end (SCardDisconnect, SCardEndTransaction, dwDisposition). */
export type Disposition = keyof typeof Dispositions;
/** A transmission protocol (SCardConnect, dwPreferredProtocols). */
export type Protocol = keyof typeof ProtocolBits;

/** The longest APDU: CLA INS P1 P2, extended Lc, 65,535 bytes, extended Le, rounded up as in pcsc-lite. */
const longestApdu = 65_544;

export function shareModeNumber(mode: ShareMode): number {
  return lookUp(ShareModes, mode, 'shareMode');
}

export function dispositionNumber(disposition: Disposition): number {
  return lookUp(Dispositions, disposition, 'disposition');
}

export function protocolBits(protocols: readonly Protocol[]): number {
  if (!Array.isArray(protocols)) throw new TypeError("protocols must be an array, such as ['T=1']");
  return protocols.reduce((bits, protocol) => bits | lookUp(ProtocolBits, protocol, 'protocols'), 0);
}

/** Returns the protocol of a bit; undefined for none (a direct connection). */
export function protocolName(bit: number): Protocol | undefined {
  return (Object.keys(ProtocolBits) as Protocol[]).find((name) => ProtocolBits[name] === bit);
}

export function checkReader(reader: unknown): string {
  if (typeof reader !== 'string' || reader === '' || reader.includes('\0')) {
    throw new TypeError(
      `reader must be the name of a reader, as listReaders() gives it, not ${describe(reader)}`,
    );
  }
  return reader;
}

/** Checks that options are undefined or an object. */
export function checkOptions(options: unknown): void {
  if (options !== undefined && (typeof options !== 'object' || options === null)) {
    throw new TypeError(`options must be an object, not ${describe(options)}`);
  }
}

export function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function') {
    throw new TypeError(`a transaction's callback must be a function, not ${describe(callback)}`);
  }
}

/** Checks a control code or an attribute's number: an unsigned integer of 32 bits. */
export function checkNumber(value: unknown, name: string): number {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, not ${describe(value)}`);
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new RangeError(`${name} must be a whole number of 32 bits, not ${value}`);
  }
  return value;
}

/** Describes a value for an error's sentence: by its type, not by its content, which may be a secret. */
export function describe(value: unknown): string {
  if (value === null || value === undefined || typeof value === 'boolean') return String(value);
  if (typeof value === 'number' || typeof value === 'bigint') return `the ${typeof value} ${value}`;
  if (value === '') return "''";
  if (typeof value !== 'object') return `a ${typeof value}`;
  return Array.isArray(value) ? 'an array' : `an object (${value.constructor?.name ?? 'no class'})`;
}

export function checkGroups(groups: unknown): readonly string[] {
  const isGroup = (name: unknown) => typeof name === 'string' && name !== '' && !name.includes('\0');
  if (Array.isArray(groups) && groups.every(isGroup)) return groups;
  throw new TypeError('groups must be an array of names, as listReaderGroups() gives them');
}

export function checkApdu(apdu: unknown): Uint8Array {
  checkBytes(apdu, 'apdu');
  if (apdu.length < 4) {
    throw new RangeError(`an APDU has at least 4 bytes (CLA INS P1 P2), this one has ${apdu.length}`);
  }
  if (apdu.length > longestApdu) {
    throw new RangeError(`an APDU has at most ${longestApdu} bytes, this one has ${apdu.length}`);
  }
  return apdu;
}

export function checkBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (!isUint8Array(value)) throw new TypeError(`${name} must be a Uint8Array, not ${describe(value)}`);
}

function lookUp<Table extends Record<string, number>>(
  table: Table,
  key: keyof Table | undefined,
  name: string,
): number {
  const value = typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
  if (value === undefined) {
    const known = Object.keys(table).join("', '");
    const given = typeof key === 'string' ? `'${key}'` : describe(key);
    throw new TypeError(`${name} must be one of '${known}', not ${given}`);
  }
  return value;
}
