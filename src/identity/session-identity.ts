/** Who asks: the key of the card cache. */
import { type NativeIdentity, type NativeOwner, type NativeSession, native } from '../native/addon.js';
import { checkNumber, describe } from '../support/validation.js';

/**
 * A terminal session, and the user in it if that is known. Two are the same if `id`, `connectTime` and `userId` are equal;
 * `user` and `source` play no part.
 */
export interface SessionIdentity {
  /** Terminal-services session id, logind session number, or what stands for it. */
  id: number;
  /** When it was connected: 100-ns ticks since 1601-01-01 UTC (FILETIME); 0n = unknown. */
  connectTime: bigint;
  /**
   * The user within the session: the uid in decimal, on Windows the SID. A connection's peer has it (`pcsc-bridge/local`):
   * after `su`, two users of one session share no cached card.
   */
  userId?: string | undefined;
  /** The user's name, where it is known. */
  user?: string | undefined;
  /** Where the identity was learnt; 'given' by the caller. */
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
 * The identity as the core has it. An id whose connect time is unknown is no key: such an identity equals no other one,
 * unless it is an audit session, whose id is never used again.
 */
export function nativeIdentity({ id, connectTime, userId = '', source }: SessionIdentity): NativeIdentity {
  const isKey = connectTime !== 0n || source === 'audit';
  return { id, connectTime, instance: isKey ? 0 : native.newSessionInstance(), userId };
}

/** For whom a session uses cards. */
export interface CardOwner {
  readonly identity: NativeIdentity;
  readonly native: NativeOwner;
}

export function cardOwner(given: SessionIdentity, guarded: boolean, trustsUnknown: boolean): CardOwner {
  const identity = nativeIdentity(given);
  return { identity, native: new native.Owner(identity, guarded, trustsUnknown) };
}

/** The same, for every instance of a session whose connect time is unknown. */
export function anyInstance({ id, connectTime, userId = '' }: SessionIdentity): NativeIdentity {
  return { id, connectTime, instance: 0, userId };
}

/** An identity as the system told it. */
export function systemIdentity({ source, ...identity }: NativeSession): SessionIdentity {
  return { ...identity, source: source as NonNullable<SessionIdentity['source']> };
}

/** The same text for the same identity, and only for that. */
export function identityKey(identity: NativeIdentity): string {
  return `${identity.id}@${identity.connectTime}#${identity.instance} ${identity.userId}`;
}

const ticksPerMs = 10_000n;
const unixEpochInTicks = 116_444_736_000_000_000n;

/** A Date, or milliseconds since 1970, as connect time. */
export function toConnectTime(time: Date | number): bigint {
  return BigInt(Math.trunc(Number(time))) * ticksPerMs + unixEpochInTicks;
}

/** A connect time as a Date; undefined for 0n, unknown. */
export function fromConnectTime(connectTime: bigint): Date | undefined {
  if (connectTime === 0n) return undefined;
  return new Date(Number((connectTime - unixEpochInTicks) / ticksPerMs));
}
