/**
 * pcsc-bridge: PC/SC smart cards for Node.js that never let one user block another.
 */
export type {
  ServiceReport,
  TransactionCounts,
  TransactionReport,
  Waited,
  WaitReport,
} from './activity.js';
export { type Attribute, Attributes } from './attributes.js';
export {
  type Backend,
  type BridgeOptions,
  type BridgeStats,
  CardBridge,
  type FilterSetting,
  type SessionQuery,
  type SessionTrust,
} from './bridge.js';
export { type CacheLimits, type CacheStats, type CacheTarget, CardCache, CardLease } from './cache.js';
export type { CacheEntry, CacheLookup, Evaluation } from './cache-lookup.js';
export { Card, type ConnectOptions, type ReconnectOptions } from './card.js';
export { controlCode } from './ccid/index.js';
export { AbortError, PcscError, TimeoutError } from './errors.js';
export { type CardCacheFile, ItemCache, type ItemKey, parseCardCacheFile } from './items.js';
export { ReaderWatch, type ReaderWatchEvents } from './monitor.js';
export type { Peer } from './peer.js';
export type { ReaderEvent, ReaderState } from './reader-events.js';
export { type ListReadersOptions, SessionContext } from './session.js';
export { fromConnectTime, type SessionIdentity, toConnectTime } from './session-identity.js';
export type { ApduTrace } from './trace.js';
export { type CardStatus, Transaction, type TransactionOptions } from './transaction.js';
export type { Disposition, Protocol, ShareMode } from './values.js';
export type { WaitOptions } from './waiting.js';
