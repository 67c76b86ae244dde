/** Converts arguments as Web IDL does. Everything that it cannot convert is a TypeError. */
import { isArrayBuffer } from 'node:util/types';
import { describe } from '../support/validation.js';

/** What only this package passes to the constructors of classes that have no public one. */
export const internal: unique symbol = Symbol('internal');

/** @throws {TypeError} The constructor was not called by this package. */
export function checkConstructor(key: unknown): void {
  if (key !== internal) throw new TypeError('Illegal constructor');
}

/** Bytes that a method accepts (BufferSource). */
export type Bytes = ArrayBuffer | ArrayBufferView;

/** Returns the bytes, not a copy. */
export function toBytes(value: Bytes, name: string): Uint8Array {
  if (ArrayBuffer.isView(value) && isArrayBuffer(value.buffer)) {
    return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (isArrayBuffer(value)) return new Uint8Array(value);
  throw new TypeError(`${name} must be an ArrayBuffer or a view of one, not ${describe(value)}`);
}

/** The bytes as an ArrayBuffer of their own. */
export function toArrayBuffer(bytes: Uint8Array): ArrayBuffer {
  const { buffer, byteOffset, byteLength } = bytes;
  return (
    byteLength === buffer.byteLength ? buffer : buffer.slice(byteOffset, byteOffset + byteLength)
  ) as ArrayBuffer;
}

/** Returns the key of an enumeration. */
export function toKey<Key extends string>(
  table: Readonly<Record<Key, unknown>>,
  value: unknown,
  name: string,
): Key {
  const key = String(value);
  if (Object.hasOwn(table, key)) return key as Key;
  throw new TypeError(`${name} must be one of '${Object.keys(table).join("', '")}', not '${key}'`);
}

/** Converts a number of 32 bits ([EnforceRange] unsigned long). */
export function toUnsignedLong(value: unknown, name: string): number {
  const number = Math.trunc(Number(value));
  if (number >= 0 && number <= 0xffff_ffff) return number;
  throw new TypeError(`${name} must be a whole number of 32 bits, not ${describe(value)}`);
}

/** Converts a duration in milliseconds (DOMHighResTimeStamp). */
export function toMilliseconds(value: unknown, name: string): number {
  const number = Number(value);
  if (Number.isFinite(number)) return number;
  throw new TypeError(`${name} must be a finite number of milliseconds, not ${describe(value)}`);
}

/** Returns the dictionary; an empty one for undefined and null. */
export function toDictionary<T extends object>(value: T | null | undefined, name: string): Partial<T> {
  if (value === undefined || value === null) return {};
  if (typeof value === 'object' || typeof value === 'function') return value;
  throw new TypeError(`${name} must be an object, not ${describe(value)}`);
}

/** Converts a sequence. */
export function toSequence<T>(value: Iterable<T>, name: string): T[] {
  if (typeof value === 'object' && value !== null && Symbol.iterator in value) return [...value];
  throw new TypeError(`${name} must be an array, not ${describe(value)}`);
}

export function toSignal(value: AbortSignal | undefined): AbortSignal | undefined {
  if (value === undefined || value instanceof AbortSignal) return value;
  throw new TypeError(`signal must be an AbortSignal, not ${describe(value)}`);
}
