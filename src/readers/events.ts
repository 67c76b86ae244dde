/** Events of readers and cards, and their derivation from two successive views. */
import type { PcscError } from '../errors.js';
import { ReaderStateBits } from '../native/numbers.js';
import type { NativeReaderStatus } from '../native/types.js';

/** The state of a reader (SCardGetStatusChange, dwEventState). */
export interface ReaderState {
  /** A card is in the reader (SCARD_STATE_PRESENT). */
  present: boolean;
  /**
   * A program is connected to the card (SCARD_STATE_INUSE). pcsc-lite reports a change of this bit only together with
   * another change.
   */
  inUse: boolean;
  /** A program is connected to the card exclusively (SCARD_STATE_EXCLUSIVE). */
  exclusive: boolean;
  /** The card does not answer a reset (SCARD_STATE_MUTE). */
  mute: boolean;
  /** The reader is unavailable (SCARD_STATE_UNAVAILABLE, SCARD_STATE_UNKNOWN). */
  unavailable: boolean;
}

/** An event of a watch. The first events report the readers and cards that are present, as if they were new. */
export type ReaderEvent =
  | { type: 'reader-added' | 'reader-removed' | 'reader-changed'; reader: string; state: ReaderState }
  | { type: 'card-inserted' | 'card-removed'; reader: string; atr: Uint8Array; state: ReaderState }
  | { type: 'service-lost'; error: PcscError }
  | { type: 'service-restored' };

export type Picture = readonly NativeReaderStatus[];

/** Returns the events that lead from one picture to the next, in order. */
export function eventsBetween(before: Picture, after: Picture): ReaderEvent[] {
  const old = new Map(before.map((status) => [status.reader, status]));
  const events: ReaderEvent[] = [];
  for (const gone of before) {
    if (after.some(({ reader }) => reader === gone.reader)) continue;
    const state = stateOf({ ...gone, state: ReaderStateBits.unavailable });
    if (isPresent(gone)) events.push({ type: 'card-removed', reader: gone.reader, atr: gone.atr, state });
    events.push({ type: 'reader-removed', reader: gone.reader, state });
  }
  for (const now of after) {
    const { reader, atr } = now;
    const known = old.get(reader);
    if (known && known.state === now.state && known.eventCount === now.eventCount) continue;
    const state = stateOf(now);
    if (!known) events.push({ type: 'reader-added', reader, state });
    const [was, is] = [known !== undefined && isPresent(known), isPresent(now)];
    // If the states are equal but the counts differ, a card was removed and inserted again, or inserted and
    // removed.
    const swapped = known !== undefined && was === is && known.eventCount !== now.eventCount;
    if (was && (!is || swapped)) {
      events.push({ type: 'card-removed', reader, atr: known?.atr ?? atr, state });
    }
    if (is && (!was || swapped)) events.push({ type: 'card-inserted', reader, atr, state });
    if (known && was === is && !swapped && !sameState(stateOf(known), state)) {
      events.push({ type: 'reader-changed', reader, state });
    }
  }
  return events;
}

/** The readers, or the error of the service that cannot be reached. */
export interface View {
  picture: Picture;
  error: PcscError | undefined;
}

/**
 * Derives events from views. If several changes lie between two views, it returns only the events that lead from the
 * last view to the present one. A card that was removed and inserted again in between is still reported.
 */
export class EventCursor {
  #picture: Picture = [];
  #lost = false;

  /** @param retell - After 'service-restored', report all readers and cards as new. */
  constructor(readonly retell = false) {}

  catchUp({ picture, error }: View): ReaderEvent[] {
    if (error) {
      if (this.#lost) return [];
      this.#lost = true;
      return [{ type: 'service-lost', error }];
    }
    const events: ReaderEvent[] = this.#lost ? [{ type: 'service-restored' }] : [];
    events.push(...eventsBetween(this.#lost && this.retell ? [] : this.#picture, picture));
    this.#lost = false;
    this.#picture = picture;
    return events;
  }
}

/** The present state of a reader. */
export interface ReaderSnapshot {
  /** The name of the reader. */
  reader: string;
  state: ReaderState;
  /** Answer to reset (ISO 7816-3) of the card. Undefined if there is no card, or if the card does not answer. */
  atr: Uint8Array | undefined;
}

export function snapshotOf(status: NativeReaderStatus): ReaderSnapshot {
  const { reader, atr } = status;
  return { reader, state: stateOf(status), atr: isPresent(status) && atr.length > 0 ? atr : undefined };
}

function isPresent(status: NativeReaderStatus): boolean {
  return (status.state & ReaderStateBits.present) !== 0;
}

function stateOf(status: NativeReaderStatus): ReaderState {
  const has = (bit: number) => (status.state & bit) !== 0;
  return {
    present: has(ReaderStateBits.present),
    inUse: has(ReaderStateBits.inUse),
    exclusive: has(ReaderStateBits.exclusive),
    mute: has(ReaderStateBits.mute),
    unavailable: has(ReaderStateBits.unavailable | ReaderStateBits.unknown),
  };
}

function sameState(a: ReaderState, b: ReaderState): boolean {
  return (Object.keys(a) as (keyof ReaderState)[]).every((key) => a[key] === b[key]);
}
