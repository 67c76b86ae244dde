/** Watching readers and cards. */
import { EventEmitter } from 'node:events';
import { abortError, addAbortListener } from '../support/cancellation.js';
import { EventCursor, type ReaderEvent, type View } from './events.js';
import { ReaderFeed } from './feed.js';

/** Listeners by the event's type; `'event'` hears all of them, `'end'` that there will be no more. */
export type ReaderWatchEvents = {
  [Type in ReaderEvent['type']]: [event: ReaderEvent & { type: Type }];
} & { event: [event: ReaderEvent]; end: [] };

type AnyListener = Parameters<EventEmitter<ReaderWatchEvents>['on']>[1];

interface Waiter {
  resolve(result: IteratorResult<ReaderEvent>): void;
  reject(error: Error): void;
}

/**
 * An endless sequence of events, to iterate over or to listen to. Watching starts with the first `next()` or the first
 * listener, and both begin with what is there already. It ends with `return()` (leaving the loop), `close()` or the signal.
 *
 * A slow consumer gets fewer events, but none that still matters is lost: see `EventCursor`. A watch keeps the process
 * alive until it ends, as an open server does; `unref()` lets the process end.
 */
export class ReaderWatch
  extends EventEmitter<ReaderWatchEvents>
  implements AsyncIterableIterator<ReaderEvent>
{
  #feed: ReaderFeed | undefined;
  #view: View = { picture: [], error: undefined };
  readonly #iterating: EventCursor;
  /** Undefined before the first listener. */
  #listening: EventCursor | undefined;
  readonly #retell: boolean;
  #events: ReaderEvent[] = [];
  #waiting: Waiter[] = [];
  #ended = false;
  #failure: Error | undefined;
  #keepsAlive = true;
  readonly #signal: AbortSignal | undefined;
  readonly #onEnd: (watch: ReaderWatch) => void;

  /** @internal Use `session.watch`. */
  constructor(signal: AbortSignal | undefined, retell: boolean, onEnd: (watch: ReaderWatch) => void) {
    super();
    this.#signal = signal;
    this.#retell = retell;
    this.#iterating = new EventCursor(retell);
    this.#onEnd = onEnd;
    addAbortListener(signal, this.#onAbort);
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

  /**
   * Adds a listener and starts to watch. The first listener hears of what is there already.
   *
   * @throws {PcscError} The PC/SC library cannot be loaded.
   */
  override on<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    this.#listen();
    return super.on(type, listener as AnyListener);
  }

  /** The same as `on`. */
  override addListener<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    return this.on(type, listener);
  }

  /** `on`, before the listeners that are there. `once` and `prependOnceListener` start to watch, too. */
  override prependListener<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    this.#listen();
    return super.prependListener(type, listener as AnyListener);
  }

  /** Ends the watch. A pending `next()` resolves with `done`. */
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

  #listen(): void {
    if (this.#ended) return;
    this.#start();
    if (this.#listening) return;
    this.#listening = new EventCursor(this.#retell);
    // If the watch has been iterated over, its feed reports nothing before the next change.
    queueMicrotask(() => this.#emitNew());
  }

  #start(): void {
    if (this.#feed) return;
    try {
      this.#feed = new ReaderFeed((view) => {
        this.#view = view;
        this.#resolveNext();
        this.#emitNew();
      }, this.#keepsAlive);
      this.#view = this.#feed.view ?? this.#view;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #resolveNext(): void {
    while (this.#waiting.length > 0) {
      const value = this.#take();
      if (!value) break;
      this.#waiting.shift()?.resolve({ done: false, value });
    }
  }

  #emitNew(): void {
    if (this.#ended || !this.#feed?.view) return;
    // Typed by hand: to TypeScript, an event of a type known only at run time has no arguments.
    const emit = this.emit.bind(this) as (type: string, event: ReaderEvent) => boolean;
    for (const event of this.#listening?.catchUp(this.#view) ?? []) {
      emit(event.type, event);
      emit('event', event);
    }
  }

  #take(): ReaderEvent | undefined {
    if (this.#events.length === 0 && this.#feed) this.#events = this.#iterating.catchUp(this.#view);
    return this.#events.shift();
  }
}
