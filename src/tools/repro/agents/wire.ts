/** Checks of values from the network. */

import { checkIdentity } from '../../../identity/session-identity.js';
import type { SessionIdentity } from '../../../index.js';

/** Connect times are decimal strings: they do not fit a JSON number. */
export interface WireIdentity {
  id: number;
  connectTime: string;
}

export function identityTo({ id, connectTime }: SessionIdentity): WireIdentity {
  return { id, connectTime: String(connectTime) };
}

/** @throws {TypeError | RangeError} It is not a valid value. */
export function identityFrom(wire: WireIdentity): { id: number; connectTime: bigint } {
  const { id, connectTime } = wire;
  if (typeof connectTime !== 'string' || !/^\d{1,20}$/.test(connectTime)) {
    throw new TypeError('a connectTime is a decimal string of 100-ns ticks since 1601-01-01 UTC');
  }
  checkIdentity({ id, connectTime: BigInt(connectTime) });
  return { id, connectTime: BigInt(connectTime) };
}

export function sameIdentity(a: SessionIdentity, b: SessionIdentity): boolean {
  return a.id === b.id && a.connectTime === b.connectTime;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
