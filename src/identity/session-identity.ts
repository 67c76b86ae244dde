/** The session identity: the key of the card cache. */
import { native } from '../native/addon.js';
import type { NativeIdentity, NativeOwner, NativeSession } from '../native/types.js';
import { checkNumber, describe } from '../support/validation.js';

/**
 * A terminal session, and its user if known. Two identities are equal if `id`, `connectTime` and `userId` are equal;
 * `user` and `source` do not count.
 */
export interface SessionIdentity {
  /** The number of the session: the Terminal Services session id, the logind session, or the platform's equivalent. */
  id: number;
  /** The time at which the session was connected: 100-ns ticks since 1601-01-01 UTC (FILETIME). 0n means unknown. */
  connectTime: bigint;
  /**
   * The user within the session: the uid in decimal, on Windows the SID. The identity of a peer has it
   * (`pcsc-bridge/local`), so that after `su` two users of one session share no cached card.
   */
  userId?: string | undefined;
  /** The user's name, if known. */
  user?: string | undefined;
  /** The source of the identity; 'given' if the caller gave it. */
  source?: 'given' | 'wts' | 'logind' | 'audit' | 'proc' | undefined;
}

export function checkIdentity(identity: SessionIdentity): SessionIdentity {
  if (typeof identity !== 'object' || identity === null) {
    throw new TypeError(`a session identity is an object { id, connectTime }, not ${describe(identity)}`);
  }
  const { id, connectTime, userId } = identity;
  checkNumber(id, 'a session id');
  const wanted = 'connectTime must be a bigint of 64 bits: 100-ns ticks since 1601-01-01 UTC, 0n for unknown';
  if (typeof connectTime !== 'bigint') throw new TypeError(`${wanted}; not ${describe(connectTime)}`);
  if (connectTime < 0n || connectTime > 0xffff_ffff_ffff_ffffn) {
    throw new RangeError(`${wanted}; not ${connectTime}`);
  }
  if (userId !== undefined && (typeof userId !== 'string' || userId === '')) {
    throw new TypeError(`userId must be a uid in decimal or a SID, not ${describe(userId)}`);
  }
  return identity;
}

/**
 * The identity for the native core. An id with an unknown connect time is not unique, so such an identity equals no
 * other one. The exception is an audit session, whose id is never used again.
 */
export function nativeIdentity({ id, connectTime, userId = '', source }: SessionIdentity): NativeIdentity {
  const isKey = connectTime !== 0n || source === 'audit';
  return { id, connectTime, instance: isKey ? 0 : native.newSessionInstance(), userId };
}

/** The owner of a session's cards. */
export interface CardOwner {
  readonly identity: NativeIdentity;
  readonly native: NativeOwner;
}

export function cardOwner(given: SessionIdentity, guarded: boolean, trustsUnknown: boolean): CardOwner {
  const identity = nativeIdentity(given);
  return { identity, native: new native.Owner(identity, guarded, trustsUnknown) };
}

/** The identity without an instance. It matches every instance of a session whose connect time is unknown. */
export function anyInstance({ id, connectTime, userId = '' }: SessionIdentity): NativeIdentity {
  return { id, connectTime, instance: 0, userId };
}

/** An identity as the system reports it. */
export function systemIdentity({ source, ...identity }: NativeSession): SessionIdentity {
  return { ...identity, source: source as NonNullable<SessionIdentity['source']> };
}

/** A text that is equal for equal identities only. */
export function identityKey(identity: NativeIdentity): string {
  return `${identity.id}@${identity.connectTime}#${identity.instance} ${identity.userId}`;
}

const ticksPerMs = 10_000n;
const unixEpochInTicks = 116_444_736_000_000_000n;

/**
 * Converts a Date, or milliseconds since 1970, to a connect time.
 *
 * @returns 100-ns ticks since 1601-01-01 UTC (FILETIME).
 */
export function toConnectTime(time: Date | number): bigint {
  return BigInt(Math.trunc(Number(time))) * ticksPerMs + unixEpochInTicks;
}

/**
 * Converts a connect time to a Date.
 *
 * @param connectTime - 100-ns ticks since 1601-01-01 UTC (FILETIME).
 * @returns Undefined for 0n, which means unknown.
 */
export function fromConnectTime(connectTime: bigint): Date | undefined {
  if (connectTime === 0n) return undefined;
  return new Date(Number((connectTime - unixEpochInTicks) / ticksPerMs));
}
