/**
 * Counts the readers that come and go, for the pseudo reader. PC/SC libraries count differently or not at all, so this
 * thread has a count of its own. It grows when readers are seen that are not those seen last, in a list or in a view.
 */

let known: string | undefined;
/** 16 bits, and not 0, which stands for an unknown count. */
let count = 0;

/** Notes the names of all readers, and returns the count. */
export function noteReaders(names: readonly string[]): number {
  const now = [...names].sort().join('\0');
  if (now !== known) {
    known = now;
    count = (count % 0xffff) + 1;
  }
  return count;
}

/** The count when readers were seen last; 0 if none were seen yet. */
export function lastReaderEvents(): number {
  return count;
}
