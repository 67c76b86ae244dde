/** Which cards the running code holds in a transaction: waiting for one of them would be waiting for itself. */
import { AsyncLocalStorage } from 'node:async_hooks';
import { nestedError } from '../errors.js';

interface Hold {
  readonly reader: string;
  /** What may be used inside: the Card that the transaction is on. */
  readonly owner: object | undefined;
  readonly outer: Hold | undefined;
  /** What the callback started and left running goes on after the transaction, and may wait then. */
  over: boolean;
}

const holding = new AsyncLocalStorage<Hold>();

/** Runs a transaction's callback, so that `checkNotHeld` knows of it. */
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

/** Error BRIDGE_E_NESTED where the running code holds this reader's card, and not by `owner`. */
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
