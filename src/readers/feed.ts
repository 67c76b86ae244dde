/** The readers as this environment sees them: one native monitor, shared by all its watches. */
import { reportService } from '../diagnostics/activity.js';
import { type NativeMonitor, native } from '../native/addon.js';
import type { Cancellation } from '../support/cancellation.js';
import type { View } from './events.js';

interface Subscriber {
  tell(view: View): void;
  keepsAlive: boolean;
}

let monitor: NativeMonitor | undefined;
/** What the monitor has reported last; undefined before its first report. */
let view: View | undefined;
const subscribers = new Set<Subscriber>();

/** One watch's share of the monitor. */
export class ReaderFeed {
  readonly #subscriber: Subscriber;

  /**
   * Starts to watch. `tell` hears of every change; not within this call.
   * @throws PcscError where the system has no thread for it
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

  /** What is known already. */
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
 * Waits for a view.
 *
 * @param find - Returns what it looks for, or undefined to wait for the next view. If it throws, the wait ends with that.
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
