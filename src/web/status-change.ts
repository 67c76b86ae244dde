/** `getStatusChange`, on the reader feed that all watches of this thread share: it takes no PC/SC context of its own. */
import { native } from '../native/addon.js';
import { ReaderStateBits } from '../native/numbers.js';
import type { NativeReaderStatus } from '../native/types.js';
import type { Picture } from '../readers/events.js';
import { findInViews } from '../readers/feed.js';
import { addAbortListener, Cancellation, longestTimer } from '../support/cancellation.js';
import { SmartCardError } from './error.js';
import { lastReaderEvents, noteReaders } from './reader-events.js';
import { bitsOf, differs, flagsOf, type KnownState } from './reader-flags.js';
import type { SmartCardReaderStateIn, SmartCardReaderStateOut } from './types.js';
import { toArrayBuffer } from './webidl.js';

/** The pseudo reader whose event count changes when a reader is added or removed. */
const pseudoReader = String.raw`\\?PnP?\Notification`;

/** A reader to watch. */
interface Watched {
  reader: string;
  known: KnownState;
  /** A view has had the reader, so that its absence means that it was removed. */
  seen: boolean;
}

/**
 * Waits until a reader is not as its caller knows it (SCardGetStatusChange).
 *
 * @param timeout - Milliseconds; undefined for no limit.
 * @throws {SmartCardError} `unknown-reader`, or the exception of a service that cannot be reached.
 * @throws {DOMException} UnknownError: the time has passed.
 * @throws {unknown} The reason of the signal.
 */
export async function waitForStatusChange(
  states: readonly SmartCardReaderStateIn[],
  timeout: number | undefined,
  signal: AbortSignal | undefined,
): Promise<SmartCardReaderStateOut[]> {
  const watched = states.map(watchedOf);
  if (watched.every(isIgnored)) return watched.map((one) => stateOut(one, undefined));
  const wait = new Wait(watched);
  const cancel = new Cancellation(true);
  const onAbort = () => cancel.cancel();
  const timer =
    timeout === undefined || timeout > longestTimer
      ? undefined
      : setTimeout(() => wait.expire(cancel), Math.max(timeout, 0));
  addAbortListener(signal, onAbort);
  try {
    for (;;) {
      const found = await findInViews(({ picture, error }) => {
        if (error) throw error;
        return wait.look(picture);
      }, cancel);
      if (typeof found !== 'string') return found;
      await checkListed(found);
    }
  } catch (error) {
    if (!cancel.cancelled) throw error;
    if (signal?.aborted) throw signal.reason;
    throw timedOut();
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', onAbort);
  }
}

/** One call, from view to view. */
class Wait {
  readonly #watched: readonly Watched[];
  /** What the pseudo reader's count is compared with. A reader that came after the caller's last list is news. */
  #eventsAtStart = lastReaderEvents();
  #hasLooked = false;
  #expired = false;

  constructor(watched: readonly Watched[]) {
    this.#watched = watched;
  }

  /** The time has passed. The states are compared once at least: the first view may be under way. */
  expire(cancel: Cancellation): void {
    this.#expired = true;
    if (this.#hasLooked) cancel.cancel();
  }

  /**
   * Compares the states with a view.
   *
   * @returns The present states if one of them has changed; the name of a reader that has not been seen yet; undefined
   *   if nothing has changed.
   */
  look(picture: Picture): SmartCardReaderStateOut[] | string | undefined {
    // Windows reports a reader that is being removed as unknown, before its list has lost it.
    const readers = picture.filter(({ state }) => (state & ReaderStateBits.unknown) === 0);
    const events = noteReaders(readers.map(({ reader }) => reader));
    if (this.#eventsAtStart === 0) this.#eventsAtStart = events;
    this.#hasLooked = true;
    const pseudo: NativeReaderStatus = {
      reader: pseudoReader,
      state: 0,
      eventCount: events,
      atr: new Uint8Array(),
    };
    const present = [...readers, pseudo];
    const now = this.#watched.map((one) => present.find(({ reader }) => reader === one.reader));
    const missing = this.#watched.find((one, i) => now[i] === undefined && !one.seen && !isIgnored(one));
    if (missing !== undefined) return missing.reader;
    for (const one of this.#watched) one.seen = true;

    const states = this.#watched.map((one, i) => stateOut(one, now[i], this.#eventsAtStart));
    if (states.some(({ eventState }) => eventState.changed)) return states;
    if (this.#expired) throw timedOut();
    return undefined;
  }
}

function watchedOf({ readerName, currentState, currentCount = 0 }: SmartCardReaderStateIn): Watched {
  return {
    reader: readerName,
    known: { bits: bitsOf(currentState), count: currentCount & 0xffff },
    seen: false,
  };
}

function isIgnored({ known }: Watched): boolean {
  return (known.bits & ReaderStateBits.ignore) !== 0;
}

/** @param now - The reader in the present view; undefined if it was removed. */
function stateOut(
  watched: Watched,
  now: NativeReaderStatus | undefined,
  eventsAtStart?: number,
): SmartCardReaderStateOut {
  const { reader, known } = watched;
  const state = (bits: number, count = 0, atr: Uint8Array = new Uint8Array()): SmartCardReaderStateOut => ({
    readerName: reader,
    eventState: flagsOf(bits),
    eventCount: count,
    answerToReset: toArrayBuffer(atr.slice()),
  });
  const { changed, ignore, unavailable, unknown } = ReaderStateBits;
  if (isIgnored(watched)) return state(ignore);
  if (now === undefined) return state(unknown | unavailable | changed);
  const { state: bits, eventCount: count, atr } = now;
  // The count of the pseudo reader is compared with the known one, if there is one, or else with the first one.
  const isChanged =
    reader === pseudoReader
      ? count !== (known.count === 0 ? eventsAtStart : known.count)
      : differs(known, { bits, count });
  return state(isChanged ? bits | changed : bits, count, atr);
}

/**
 * A view may be older than the caller's list of readers, by a moment.
 *
 * @throws {SmartCardError} `unknown-reader`: there is no reader of this name.
 */
async function checkListed(reader: string): Promise<void> {
  if ((await native.listReaders([])).includes(reader)) return;
  throw new SmartCardError('There is no reader of this name; listReaders() returns the names', {
    responseCode: 'unknown-reader',
  });
}

function timedOut(): DOMException {
  return new DOMException('No reader has changed within the timeout', 'UnknownError');
}
