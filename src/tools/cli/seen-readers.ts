/** The present readers, and the one that the user selects. */
import type { ReaderSnapshot, ReaderState, SessionContext } from '../../index.js';
import { printable } from '../../printable.js';
import { UsageError } from './command.js';

const timeout = 10_000;

/** Every reader and its card, in the system's order. */
export function seeReaders(session: SessionContext, signal: AbortSignal): Promise<ReaderSnapshot[]> {
  return session.readerStates({ signal, timeout });
}

/**
 * Finds the reader that the user selects.
 *
 * @param wanted - Its name, a unique part of its name, or its number in the list of `readers`.
 * @default the only reader with a card
 */
export async function chooseReader(
  session: SessionContext,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<ReaderSnapshot> {
  const readers = await seeReaders(session, signal);
  if (readers.length === 0) {
    throw new Error('there is no reader. Is one plugged in? "pcsc-bridge watch" shows when one is');
  }
  const list = readers.map(({ reader }, index) => `  ${index + 1}  ${printable(reader)}`).join('\n');
  const found = wanted === undefined ? readers.filter(({ atr }) => atr) : matching(readers, wanted);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (wanted !== undefined) {
    const what = found.length === 0 ? 'no reader matches' : 'more than one reader matches';
    throw new UsageError(`${what} "${wanted}". There are:\n${list}`);
  }
  if (found.length === 0) throw new Error(`there is no card in any reader:\n${list}`);
  throw new UsageError(`there is a card in more than one reader; select one with --reader:\n${list}`);
}

function matching(readers: readonly ReaderSnapshot[], wanted: string): ReaderSnapshot[] {
  const exact = readers.filter(({ reader }) => reader === wanted);
  if (exact.length > 0) return exact;
  const number = /^\d{1,3}$/.test(wanted) ? readers[Number(wanted) - 1] : undefined;
  if (number) return [number];
  return readers.filter(({ reader }) => reader.toLowerCase().includes(wanted.toLowerCase()));
}

/** `card, in use`. */
export function describeState({ present, inUse, exclusive, mute, unavailable }: ReaderState): string {
  if (unavailable) return 'unavailable';
  if (!present) return 'empty';
  if (mute) return 'card, mute';
  return exclusive ? 'card, in exclusive use' : inUse ? 'card, in use' : 'card';
}
