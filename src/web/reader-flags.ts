/** The flags of a reader's state, and the comparison of a known state with the present one. */
import { ReaderStateBits } from '../native/numbers.js';
import type { SmartCardReaderStateFlagsIn, SmartCardReaderStateFlagsOut } from './types.js';

const bitOfFlag: Readonly<Record<keyof SmartCardReaderStateFlagsOut, number>> = {
  ignore: ReaderStateBits.ignore,
  changed: ReaderStateBits.changed,
  unavailable: ReaderStateBits.unavailable,
  unknown: ReaderStateBits.unknown,
  empty: ReaderStateBits.empty,
  present: ReaderStateBits.present,
  exclusive: ReaderStateBits.exclusive,
  inuse: ReaderStateBits.inUse,
  mute: ReaderStateBits.mute,
  unpowered: ReaderStateBits.unpowered,
};
const flags = Object.keys(bitOfFlag) as (keyof SmartCardReaderStateFlagsOut)[];
const flagsIn = flags.filter((flag) => flag !== 'changed' && flag !== 'unknown');

/** A state that is not among the known flags is news. */
const alwaysNews = ReaderStateBits.mute | ReaderStateBits.unavailable;

/** The state of a reader as the caller knows it. */
export interface KnownState {
  bits: number;
  /** 0 if the caller does not know it. */
  count: number;
}

/** `unaware` is no bit: it stands for the absence of all others. */
export function bitsOf(state: SmartCardReaderStateFlagsIn): number {
  return flagsIn.reduce((bits, flag) => (state[flag] ? bits | bitOfFlag[flag] : bits), 0);
}

export function flagsOf(bits: number): SmartCardReaderStateFlagsOut {
  const entries = flags.map((flag) => [flag, (bits & bitOfFlag[flag]) !== 0]);
  return Object.fromEntries(entries) as SmartCardReaderStateFlagsOut;
}

/**
 * True if a reader is not as the caller knows it, by the rules of pcsc-lite: the caller knows nothing, or another event
 * count, or a flag that does not hold, or not that the card is mute or the reader unavailable. That a program has
 * connected is no news.
 */
export function differs({ bits, count }: KnownState, now: KnownState): boolean {
  if (bits === 0 && count === 0) return true;
  if (count !== 0 && count !== now.count) return true;
  return (bits & ~now.bits) !== 0 || (now.bits & ~bits & alwaysNews) !== 0;
}
