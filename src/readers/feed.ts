/** The reader feed of this thread: one native monitor, shared by all watches. */
import { reportService } from '../diagnostics/activity.js';
import { native } from '../native/addon.js';
import type { NativeMonitor } from '../native/types.js';
import type { Cancellation } from '../support/cancellation.js';
import type { View } from './events.js';

interface Subscriber {
  tell(view: View): void;
  keepsAlive: boolean;
}

let monitor: NativeMonitor | undefined;
/** The last report of the monitor; undefined before the first one. */
let view: View | undefined;
const subscribers = new Set<Subscriber>();

/** A subscription to the monitor. */
export class ReaderFeed {
  readonly #subscriber: Subscriber;

  /**
   * Subscribes. `tell` is called at every change, but not within this call.
   * @throws {PcscError} SCARD_E_NO_MEMORY if the system has no thread for the monitor.
   */
  constructor(tell: (view: View) => void, keepsAlive: boolean) {
    this.#subscriber = { tell, keepsAlive };
    monitor ??= new native.Monitor((error, picture) => {
      if (error || view?.error) reportService(error ?? undefined);
      view = { picture: picture ?? view?.picture ?? [], error: error ?? undefined };
      for (const subscriber of [...subscribers]) subscriber.tell(view);
    });
    subscribers.add(this.#subscriber);
    settleLife();
    const known = view;
    if (known) queueMicrotask(() => subscribers.has(this.#subscriber) && tell(known));
  }

  /** The last view; undefined before the first report. */
  get view(): View | undefined {
    return view;
  }

  set keepsAlive(keeps: boolean) {
    this.#subscriber.keepsAlive = keeps;
    settleLife();
  }

  stop(): void {
    subscribers.delete(this.#subscriber);
    if (subscribers.size > 0) {
      settleLife();
      return;
    }
    monitor?.stop();
    monitor = undefined;
    view = undefined;
  }
}

/**
 * Waits for a matching view.
 *
 * @param find - Returns its result, or undefined to wait for the next view. If it throws, the promise rejects with
 *   that.
 */
export async function findInViews<T>(
  find: (view: View) => T | undefined,
  cancel: Cancellation | undefined,
): Promise<T> {
  let feed: ReaderFeed | undefined;
  try {
    return await new Promise<T>((resolve, reject) => {
      cancel?.onCancel(() => reject(new Error('cancelled')));
      feed = new ReaderFeed((now) => {
        try {
          const found = find(now);
          if (found !== undefined) resolve(found);
        } catch (error) {
          reject(error);
        }
      }, true);
    });
  } finally {
    feed?.stop();
    cancel?.onCancel(undefined);
  }
}

function settleLife(): void {
  if ([...subscribers].some(({ keepsAlive }) => keepsAlive)) monitor?.ref();
  else monitor?.unref();
}
