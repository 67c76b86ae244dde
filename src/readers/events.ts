/** What happens to readers and cards, and how it follows from what is seen of them. */
import type { PcscError } from '../errors.js';
import { type NativeReaderStatus, ReaderStateBits } from '../native/addon.js';

/** What is known of a reader (SCardGetStatusChange, dwEventState). */
export interface ReaderState {
  /** A card is in the reader. */
  present: boolean;
  /** Somebody is connected to the card. pcsc-lite tells of it only together with another change. */
  inUse: boolean;
  /** Somebody is connected to it exclusively. */
  exclusive: boolean;
  /** The card does not answer. */
  mute: boolean;
  /** The reader cannot be used now. */
  unavailable: boolean;
}

/** What happened. A watch begins with what is there already, as if it had just come. */
export type ReaderEvent =
  | { type: 'reader-added' | 'reader-removed' | 'reader-changed'; reader: string; state: ReaderState }
  | { type: 'card-inserted' | 'card-removed'; reader: string; atr: Uint8Array; state: ReaderState }
  | { type: 'service-lost'; error: PcscError }
  | { type: 'service-restored' };

export type Picture = readonly NativeReaderStatus[];

/** The events that lead from one picture to the next, in order. */
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
    // Equal states with another count: a card went, or came, and another change undid it meanwhile.
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

/** What is seen: the readers, and whether the service can be asked at all. */
export interface View {
  picture: Picture;
  error: PcscError | undefined;
}

/**
 * Somebody who is told what happened since they last asked. However much that was, it comes as the few events
 * that lead from what they knew to what is: a card that went and came again meanwhile is still told.
 */
export class Onlooker {
  #picture: Picture = [];
  #lost = false;

  catchUp({ picture, error }: View): ReaderEvent[] {
    if (error) {
      if (this.#lost) return [];
      this.#lost = true;
      return [{ type: 'service-lost', error }];
    }
    const events: ReaderEvent[] = this.#lost ? [{ type: 'service-restored' }] : [];
    events.push(...eventsBetween(this.#picture, picture));
    this.#lost = false;
    this.#picture = picture;
    return events;
  }
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
