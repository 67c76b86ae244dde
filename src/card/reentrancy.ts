/** Tracks which cards the running code holds in a transaction, to detect a wait for itself. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { nestedError } from '../errors.js';

interface Hold {
  readonly reader: string;
  /** The Card object of the transaction, which may be used inside it. */
  readonly owner: object | undefined;
  readonly outer: Hold | undefined;
  /** True after the transaction. Work that the callback left running may wait then. */
  over: boolean;
}

const holding = new AsyncLocalStorage<Hold>();

/** Runs a transaction's callback, and records the hold for `checkNotHeld`. */
export async function whileHolding<T>(
  reader: string,
  owner: object | undefined,
  action: () => Promise<T>,
): Promise<T> {
  const hold: Hold = { reader, owner, outer: holding.getStore(), over: false };
  try {
    return await holding.run(hold, action);
  } finally {
    hold.over = true;
  }
}

/**
 * @throws {PcscError} BRIDGE_E_NESTED if the running code holds this reader's card in a transaction of another owner.
 */
export function checkNotHeld(operation: string, reader: string, owner?: object): void {
  if (holdOn(reader) !== undefined && !isHeldBy(reader, owner)) throw nestedError(operation, reader);
}

/** True inside a transaction of this owner. */
export function isHeldBy(reader: string, owner: object | undefined): boolean {
  return owner !== undefined && holdOn(reader)?.owner === owner;
}

function holdOn(reader: string): Hold | undefined {
  let hold = holding.getStore();
  while (hold !== undefined && (hold.over || hold.reader !== reader)) hold = hold.outer;
  return hold;
}
