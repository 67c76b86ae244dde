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

/** The readers, or why the service cannot be asked. */
export interface View {
  picture: Picture;
  error: PcscError | undefined;
}

/**
 * Follows the views from where it was last. However many changes lie between, it gives the few events that lead from the
 * view it saw last to the present one. A card that was removed and inserted again in between is still reported.
 */
export class EventCursor {
  #picture: Picture = [];
  #lost = false;

  /** @param retell - After 'service-restored', report what is there as if it had just come. */
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

/** A reader as it is now. */
export interface ReaderSnapshot {
  reader: string;
  state: ReaderState;
  /** Answer to reset (ISO 7816-3) of the card in it. Undefined if there is none, or if the card does not answer. */
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
