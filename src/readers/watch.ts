/** Watching readers and cards. */
import { EventEmitter } from 'node:events';
import { abortError } from '../support/cancellation.js';
import { Onlooker, type ReaderEvent, type View } from './events.js';
import { ReaderFeed } from './feed.js';

/** Listeners by the event's type; `'event'` hears all of them, `'end'` that there will be no more. */
export type ReaderWatchEvents = {
  [Type in ReaderEvent['type']]: [event: ReaderEvent & { type: Type }];
} & { event: [event: ReaderEvent]; end: [] };

interface Waiter {
  resolve(result: IteratorResult<ReaderEvent>): void;
  reject(error: Error): void;
}

/**
 * An endless sequence of events, to iterate over or to listen to. Watching begins with the first `next()` or
 * listener, with what is there already, and ends with `return()` (leaving the loop), `close()` or the signal.
 *
 * Whoever iterates slowly misses nothing that still matters: see `Onlooker`. It keeps the process alive until it
 * ends, as an open server does; `unref()` lets the process end.
 */
export class ReaderWatch
  extends EventEmitter<ReaderWatchEvents>
  implements AsyncIterableIterator<ReaderEvent>
{
  #feed: ReaderFeed | undefined;
  #view: View = { picture: [], error: undefined };
  readonly #iterating = new Onlooker();
  readonly #listening = new Onlooker();
  #events: ReaderEvent[] = [];
  #waiting: Waiter[] = [];
  #ended = false;
  #failure: Error | undefined;
  #keepsAlive = true;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (watch: ReaderWatch) => void;

  /** @internal Use `session.watch`. */
  constructor(signal: AbortSignal | undefined, onEnd: (watch: ReaderWatch) => void) {
    super();
    this.#signal = signal;
    this.#onEnd = onEnd;
    signal?.addEventListener('abort', this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
  }

  /** The next event. */
  async next(): Promise<IteratorResult<ReaderEvent>> {
    if (this.#failure) {
      const failure = this.#failure;
      this.#failure = undefined;
      throw failure;
    }
    if (this.#ended) return { done: true, value: undefined };
    this.#start();
    const value = this.#take();
    if (value) return { done: false, value };
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async return(): Promise<IteratorResult<ReaderEvent>> {
    this.close();
    return { done: true, value: undefined };
  }

  /** Adds a listener, and begins to watch: a service that cannot be found is an error here. */
  override on<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    if (!this.#ended) this.#start();
    return super.on(type, listener as Parameters<EventEmitter<ReaderWatchEvents>['on']>[1]);
  }

  /** Ends the watch; whoever waits for the next event hears that there is none. */
  close(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#events = [];
    this.#signal?.removeEventListener('abort', this.#onAbort);
    this.#feed?.stop();
    this.#onEnd(this);
    for (const waiter of this.#waiting.splice(0)) {
      if (this.#failure) waiter.reject(this.#failure);
      else waiter.resolve({ done: true, value: undefined });
      this.#failure = undefined;
    }
    this.emit('end');
  }

  /** Lets the process end while this is watching. */
  unref(): this {
    this.#keepsAlive = false;
    if (this.#feed) this.#feed.keepsAlive = false;
    return this;
  }

  /** Takes `unref` back. */
  ref(): this {
    this.#keepsAlive = true;
    if (this.#feed) this.#feed.keepsAlive = true;
    return this;
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

  #start(): void {
    if (this.#feed) return;
    try {
      this.#feed = new ReaderFeed((view) => {
        this.#view = view;
        this.#tell();
      }, this.#keepsAlive);
      this.#view = this.#feed.view ?? this.#view;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #tell(): void {
    while (this.#waiting.length > 0) {
      const value = this.#take();
      if (!value) break;
      this.#waiting.shift()?.resolve({ done: false, value });
    }
    // Typed by hand: what TypeScript makes of a type known only at run time is the event of none.
    const emit = this.emit.bind(this) as (type: string, event: ReaderEvent) => boolean;
    for (const event of this.#listening.catchUp(this.#view)) {
      emit(event.type, event);
      emit('event', event);
    }
  }

  #take(): ReaderEvent | undefined {
    if (this.#events.length === 0 && this.#feed) this.#events = this.#iterating.catchUp(this.#view);
    return this.#events.shift();
  }
}
