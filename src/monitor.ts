/** Readers and cards coming and going. */
import type { PcscError } from './errors.js';
import { type NativeMonitor, type NativeReaderStatus, native, ReaderStateBits } from './native.js';
import { abortError } from './waiting.js';

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

type Picture = readonly NativeReaderStatus[];

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
    const state = stateOf(now);
    const known = old.get(reader);
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

/** An endless sequence of events; ends with `return()` (leaving the loop), `close()` or the signal. */
export class ReaderWatch implements AsyncIterableIterator<ReaderEvent> {
  #monitor: NativeMonitor | undefined;
  #picture: Picture = [];
  #events: ReaderEvent[] = [];
  #waiting: { resolve(result: IteratorResult<ReaderEvent>): void; reject(error: Error): void }[] = [];
  #lost = false;
  #ended = false;
  #failure: Error | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (watch: ReaderWatch) => void;

  /** @internal Use `session.watch`. */
  constructor(signal: AbortSignal | undefined, onEnd: (watch: ReaderWatch) => void) {
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  /** The next event. Watching begins with the first call. */
  next(): Promise<IteratorResult<ReaderEvent>> {
    const event = this.#events.shift();
    if (event) return Promise.resolve({ done: false, value: event });
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      return Promise.reject(failure);
    }
    if (this.#ended) return Promise.resolve({ done: true, value: undefined });
    try {
      this.#monitor ??= new native.Monitor((error, picture) => this.#report(error, picture));
    } catch (error) {
      this.close();
      return Promise.reject(error);
    }
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<ReaderEvent>> {
    this.close();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Ends the sequence; whoever waits for the next event hears that there is none. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events = [];
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#monitor?.stop();
    this.#onEnd(this);
    for (const waiter of this.#waiting.splice(0)) {
      if (this.#failure) waiter.reject(this.#failure);
      else waiter.resolve({ done: true, value: undefined });
      this.#failure = undefined;
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  readonly #onAbort = (): void => {
    this.#failure = abortError('watch', undefined, this.#signal?.reason);
    this.close();
  };

  #report(error: PcscError | null, picture: Picture | null): void {
    if (error) {
      this.#lost = true;
      this.#push([{ type: 'service-lost', error }]);
    } else if (picture) {
      if (this.#lost) this.#push([{ type: 'service-restored' }]);
      this.#lost = false;
      this.#push(eventsBetween(this.#picture, picture));
      this.#picture = picture;
    }
  }

  #push(events: ReaderEvent[]): void {
    for (const event of events) {
      const waiter = this.#waiting.shift();
      if (waiter) waiter.resolve({ done: false, value: event });
      else this.#events.push(event);
    }
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
