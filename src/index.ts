/** pcsc-bridge: PC/SC smart cards for Node.js that never let one user block another. */

export {
  type CacheLimits,
  type CacheProtocols,
  type CacheStats,
  type CacheTarget,
  CardCache,
  CardLease,
} from './cache/card-cache.js';
export { type CardCacheFile, ItemCache, type ItemKey, parseCardCacheFile } from './cache/item-cache.js';
export { type Attribute, Attributes } from './card/attributes.js';
export type { CacheEntry, CacheLookup, Evaluation } from './card/cache-lookup.js';
export { Card, type ConnectOptions, type ReconnectOptions } from './card/card.js';
export type { CardExchangeOptions } from './card/exchange.js';
export type { IdleOptions } from './card/idle-timer.js';
export { OpenTransaction } from './card/open-transaction.js';
export { type CardStatus, Transaction, type TransactionOptions } from './card/transaction.js';
export { controlCode } from './ccid/index.js';
export type {
  ServiceReport,
  TransactionCounts,
  TransactionReport,
  Waited,
  WaitReport,
} from './diagnostics/activity.js';
export type { ApduTrace } from './diagnostics/trace.js';
export type { PcscErrorCode } from './error-codes.js';
export { AbortError, PcscError, TimeoutError } from './errors.js';
export type { Peer } from './identity/peer.js';
export { fromConnectTime, type SessionIdentity, toConnectTime } from './identity/session-identity.js';
export type { WaitForCardOptions } from './readers/card-filter.js';
export type { ReaderEvent, ReaderSnapshot, ReaderState } from './readers/events.js';
export { ReaderWatch, type ReaderWatchEvents } from './readers/watch.js';
export {
  type Backend,
  type BridgeOptions,
  type BridgeStats,
  CardBridge,
  type FilterSetting,
  type SessionQuery,
  type SessionTrust,
} from './session/bridge.js';
export { type ListReadersOptions, SessionContext, type WatchOptions } from './session/session.js';
export type { WaitOptions } from './support/cancellation.js';
export type { Disposition, Protocol, ShareMode } from './support/validation.js';
