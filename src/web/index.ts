/** The Web Smart Card API (WICG web-smart-card) for Node.js. */
export { SmartCardConnection } from './connection.js';
export { type SmartCardConnectResult, SmartCardContext } from './context.js';
export { SmartCardError, type SmartCardErrorOptions } from './error.js';
export { SmartCardResourceManager, smartCard } from './resource-manager.js';
export type {
  SmartCardAccessMode,
  SmartCardConnectionState,
  SmartCardConnectionStatus,
  SmartCardConnectOptions,
  SmartCardDisposition,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateFlagsIn,
  SmartCardReaderStateFlagsOut,
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
  SmartCardResponseCode,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
} from './types.js';
export type { Bytes } from './webidl.js';
