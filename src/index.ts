/**
 * pcsc-bridge: PC/SC smart cards for Node.js that never let one user block another.
 */
export { type BridgeOptions, CardBridge, type FilterSetting, type SessionQuery } from './bridge.js';
export {
  type CacheEntry,
  type CacheLookup,
  type CacheTarget,
  CardCache,
  CardLease,
  type Evaluation,
} from './cache.js';
export { Card, type ConnectOptions, type ReconnectOptions } from './card.js';
export { AbortError, PcscError, TimeoutError } from './errors.js';
export { type ReaderEvent, type ReaderState, ReaderWatch } from './monitor.js';
export { SessionContext } from './session.js';
export { fromConnectTime, type SessionIdentity, toConnectTime } from './session-identity.js';
export { type CardStatus, Transaction, type TransactionOptions } from './transaction.js';
export type { Disposition, Protocol, ShareMode } from './values.js';
export type { WaitOptions } from './waiting.js';
