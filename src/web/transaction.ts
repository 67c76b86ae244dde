/** The callback of a transaction, and what its settling asks for. */
import { Dispositions } from '../native/numbers.js';
import type { SmartCardDisposition, SmartCardTransactionCallback } from './types.js';
import { toKey } from './webidl.js';

/** How the callback has settled. */
export interface Settlement {
  /** What happens to the card. */
  disposition: SmartCardDisposition;
  /** Why `startTransaction` rejects; undefined if it does not. */
  failure: { reason: unknown } | undefined;
}

/** Runs the callback. It never rejects. Without a valid disposition the card is reset. */
export async function runCallback(callback: SmartCardTransactionCallback): Promise<Settlement> {
  try {
    const value = (await callback()) ?? 'reset';
    return { disposition: toKey(Dispositions, value, 'a disposition'), failure: undefined };
  } catch (reason) {
    return { disposition: 'reset', failure: { reason } };
  }
}
