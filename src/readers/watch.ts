/** The watch: events of readers and cards, as an async iterator and an event emitter. */
import { EventEmitter } from 'node:events';
import { abortError, addAbortListener } from '../support/cancellation.js';
import { EventCursor, type ReaderEvent, type View } from './events.js';
import { ReaderFeed } from './feed.js';

/** The events of a ReaderWatch by name. `'event'` receives every event; `'end'` is emitted once when the watch ends. */
export type ReaderWatchEvents = {
  [Type in ReaderEvent['type']]: [event: ReaderEvent & { type: Type }];
} & { event: [event: ReaderEvent]; end: [] };

type AnyListener = Parameters<EventEmitter<ReaderWatchEvents>['on']>[1];

interface Waiter {
  resolve(result: IteratorResult<ReaderEvent>): void;
  reject(error: Error): void;
}

/**
 * An endless sequence of reader events, as an async iterator and as an event emitter. `session.watch` returns it.
 * Watching starts with the first `next()` or the first listener; both begin with the readers and cards that are
 * present. `return()` (leaving the loop), `close()` or the signal ends it.
 *
 * A slow consumer gets fewer events: if several changes lie between two reads, only the events that lead to the present
 * state are reported. A watch keeps the process alive until it ends, as an open server does; `unref()` lets the process
 * exit.
 */
export class ReaderWatch
  extends EventEmitter<ReaderWatchEvents>
  implements AsyncIterableIterator<ReaderEvent>
{
  #feed: ReaderFeed | undefined;
  #view: View = { picture: [], error: undefined };
  readonly #iterating: EventCursor;
  /** The cursor of the listeners; undefined before the first listener. */
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

  /**
   * Returns the next event, or waits for it.
   *
   * @throws {TimeoutError | AbortError} The signal ended the watch. It rejects only once; later calls resolve with
   *   `done`.
   * @throws {PcscError} The watch cannot start: BRIDGE_E_LIBRARY_MISSING, SCARD_E_NO_MEMORY.
   */
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

  /** Ends the watch, as `close()` does. */
  async return(): Promise<IteratorResult<ReaderEvent>> {
    this.close();
    return { done: true, value: undefined };
  }

  /**
   * Adds a listener and starts the watch. The first listener receives events for the readers and cards that are
   * present.
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

  /** Alias of `on`. */
  override addListener<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    return this.on(type, listener);
  }

  /** As `on`, but adds the listener before the others. `once` and `prependOnceListener` start the watch, too. */
  override prependListener<Type extends keyof ReaderWatchEvents>(
    type: Type,
    listener: (...event: ReaderWatchEvents[Type]) => void,
  ): this {
    this.#listen();
    return super.prependListener(type, listener as AnyListener);
  }

  /** Ends the watch. A pending `next()` resolves with `done`. Further calls do nothing. */
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

  /** Lets the process exit while the watch runs. */
  unref(): this {
    this.#keepsAlive = false;
    if (this.#feed) this.#feed.keepsAlive = false;
    return this;
  }

  /** Keeps the process alive until the watch ends; reverses `unref()`. */
  ref(): this {
    this.#keepsAlive = true;
    if (this.#feed) this.#feed.keepsAlive = true;
    return this;
  }

  /** Returns this watch. */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Calls `close()`. */
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
    // If the watch is already iterated, its feed reports nothing before the next change.
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
    // The type is cast, because to TypeScript an event whose type is known only at run time has no
    // arguments.
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
