/**
 * Counts the readers that come and go, for the pseudo reader. PC/SC libraries count differently or not at all, so this
 * thread has a count of its own. It grows when a view has other readers than the last one, which may have been seen by
 * an earlier call.
 */
import type { Picture } from '../readers/events.js';

let names: string | undefined;
/** 16 bits, and not 0, which means that the caller does not know the count. */
let count = 0;

/** Returns the count at this view. */
export function readerEventsAt(picture: Picture): number {
  const now = picture
    .map(({ reader }) => reader)
    .sort()
    .join('\0');
  if (now !== names) {
    names = now;
    count = (count % 0xffff) + 1;
  }
  return count;
}
