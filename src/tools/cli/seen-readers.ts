/** The readers that are there now, and which of them is meant. */
import { type ReaderState, type SessionContext, TimeoutError } from '../../index.js';
import { printable } from '../../printable.js';
import { UsageError } from './command.js';

export interface SeenReader {
  name: string;
  state: ReaderState;
  /** Of the card that is in it. */
  atr?: Uint8Array;
}

const patience = 10_000;

/** Every reader with what is in it, in the system's order. */
export async function seeReaders(session: SessionContext, signal: AbortSignal): Promise<SeenReader[]> {
  const names = await session.listReaders({ signal, timeout: patience });
  const seen = new Map<string, SeenReader>();
  const complete = () =>
    names.every((name) => {
      const reader = seen.get(name);
      return reader !== undefined && (!reader.state.present || reader.atr !== undefined);
    });
  if (names.length === 0) return [];
  const limit = AbortSignal.any([signal, AbortSignal.timeout(patience)]);
  try {
    for await (const event of session.watch({ signal: limit })) {
      if (event.type === 'service-lost') throw event.error;
      if (event.type === 'service-restored') continue;
      const { reader: name, state } = event;
      const atr = event.type === 'card-inserted' ? event.atr : undefined;
      seen.set(name, { name, state, ...(atr && { atr }) });
      if (complete()) break;
    }
  } catch (error) {
    // A reader that went meanwhile: what was seen is what there is.
    if (!(error instanceof TimeoutError)) throw error;
  }
  return names.flatMap((name) => seen.get(name) ?? []);
}

/**
 * The reader that is meant by its name, a part of it that no other has, or its number in the list of `readers`;
 * without any, the only one with a card in it.
 */
export async function chooseReader(
  session: SessionContext,
  wanted: string | undefined,
  signal: AbortSignal,
): Promise<SeenReader> {
  const readers = await seeReaders(session, signal);
  if (readers.length === 0) {
    throw new Error('there is no reader. Is one plugged in? "pcsc-bridge watch" tells when one comes');
  }
  const list = readers.map(({ name }, index) => `  ${index + 1}  ${printable(name)}`).join('\n');
  const found = wanted === undefined ? readers.filter(({ atr }) => atr) : matching(readers, wanted);
  const [only] = found;
  if (only && found.length === 1) return only;
  if (wanted !== undefined) {
    const what = found.length === 0 ? 'no reader is' : 'more than one reader is';
    throw new UsageError(`${what} meant by "${wanted}". There are:\n${list}`);
  }
  if (found.length === 0) throw new Error(`there is no card in any reader:\n${list}`);
  throw new UsageError(`there is a card in more than one reader; say which with --reader:\n${list}`);
}

function matching(readers: readonly SeenReader[], wanted: string): SeenReader[] {
  const exact = readers.filter(({ name }) => name === wanted);
  if (exact.length > 0) return exact;
  const number = /^\d{1,3}$/.test(wanted) ? readers[Number(wanted) - 1] : undefined;
  if (number) return [number];
  return readers.filter(({ name }) => name.toLowerCase().includes(wanted.toLowerCase()));
}

/** `card, in use`. */
export function describeState({ present, inUse, exclusive, mute, unavailable }: ReaderState): string {
  if (unavailable) return 'unavailable';
  if (!present) return 'empty';
  if (mute) return 'card, mute';
  return exclusive ? 'card, in exclusive use' : inUse ? 'card, in use' : 'card';
}
