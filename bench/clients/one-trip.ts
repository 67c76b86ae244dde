/** Whether this library has `exchange` on cards and transactions: a whole chain in one trip. */
import { Transaction } from 'pcsc-bridge';

export const hasOneTripExchange = 'exchange' in Transaction.prototype;
