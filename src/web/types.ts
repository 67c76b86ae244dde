/** The enumerations and dictionaries of the Web Smart Card API. */

/** A communication protocol (SmartCardProtocol): SCARD_PROTOCOL_RAW, SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1. */
export type SmartCardProtocol = 'raw' | 't0' | 't1';

/**
 * How a card is shared with other programs (SmartCardAccessMode): SCARD_SHARE_SHARED, SCARD_SHARE_EXCLUSIVE,
 * SCARD_SHARE_DIRECT.
 */
export type SmartCardAccessMode = 'shared' | 'exclusive' | 'direct';

/**
 * What happens to a card (SmartCardDisposition): SCARD_LEAVE_CARD, SCARD_RESET_CARD, SCARD_UNPOWER_CARD,
 * SCARD_EJECT_CARD.
 */
export type SmartCardDisposition = 'leave' | 'reset' | 'unpower' | 'eject';

/** The state of a connection (SmartCardConnectionState, SCardStatus). */
export type SmartCardConnectionState =
  | 'absent'
  | 'present'
  | 'swallowed'
  | 'powered'
  | 'negotiable'
  | 't0'
  | 't1'
  | 'raw';

/** The PC/SC code of a SmartCardError (SmartCardResponseCode): `'no-service'` is SCARD_E_NO_SERVICE. */
export type SmartCardResponseCode =
  | 'no-service'
  | 'no-smartcard'
  | 'not-ready'
  | 'not-transacted'
  | 'proto-mismatch'
  | 'reader-unavailable'
  | 'removed-card'
  | 'reset-card'
  | 'server-too-busy'
  | 'sharing-violation'
  | 'system-cancelled'
  | 'unknown-reader'
  | 'unpowered-card'
  | 'unresponsive-card'
  | 'unsupported-card'
  | 'unsupported-feature';

/** The state of a reader as the caller knows it (SCARD_READERSTATE, dwCurrentState). Every flag is false by default. */
export interface SmartCardReaderStateFlagsIn {
  /** The caller does not know the state: the call returns at once (SCARD_STATE_UNAWARE). */
  unaware?: boolean | undefined;
  /** The call takes no notice of this reader (SCARD_STATE_IGNORE). */
  ignore?: boolean | undefined;
  /** The reader cannot be used (SCARD_STATE_UNAVAILABLE). */
  unavailable?: boolean | undefined;
  /** The reader has no card (SCARD_STATE_EMPTY). */
  empty?: boolean | undefined;
  /** The reader has a card (SCARD_STATE_PRESENT). */
  present?: boolean | undefined;
  /** A program is connected to the card exclusively (SCARD_STATE_EXCLUSIVE). */
  exclusive?: boolean | undefined;
  /** A program is connected to the card (SCARD_STATE_INUSE). */
  inuse?: boolean | undefined;
  /** The card does not answer a reset (SCARD_STATE_MUTE). */
  mute?: boolean | undefined;
  /** The card has no power (SCARD_STATE_UNPOWERED). */
  unpowered?: boolean | undefined;
}

/** The present state of a reader (SCARD_READERSTATE, dwEventState). */
export interface SmartCardReaderStateFlagsOut {
  /** The caller asked to ignore this reader (SCARD_STATE_IGNORE). */
  ignore: boolean;
  /** The state differs from the one that the caller knew (SCARD_STATE_CHANGED). */
  changed: boolean;
  /** The reader cannot be used (SCARD_STATE_UNAVAILABLE). */
  unavailable: boolean;
  /** There is no reader of this name any more (SCARD_STATE_UNKNOWN). */
  unknown: boolean;
  /** The reader has no card (SCARD_STATE_EMPTY). */
  empty: boolean;
  /** The reader has a card (SCARD_STATE_PRESENT). */
  present: boolean;
  /** A program is connected to the card exclusively (SCARD_STATE_EXCLUSIVE). */
  exclusive: boolean;
  /** A program is connected to the card (SCARD_STATE_INUSE). */
  inuse: boolean;
  /** The card does not answer a reset (SCARD_STATE_MUTE). */
  mute: boolean;
  /** The card has no power (SCARD_STATE_UNPOWERED). */
  unpowered: boolean;
}

/** A reader to watch, and what the caller knows of it. */
export interface SmartCardReaderStateIn {
  /** The name of the reader, or `\\?PnP?\Notification` for readers that come and go. */
  readerName: string;
  currentState: SmartCardReaderStateFlagsIn;
  /**
   * The event count that the caller knows (dwCurrentState, high word).
   * @default 0, which is not compared
   */
  currentCount?: number | undefined;
}

/** The present state of a reader, and what has changed. */
export interface SmartCardReaderStateOut {
  /** The name of the reader. */
  readerName: string;
  eventState: SmartCardReaderStateFlagsOut;
  /** How often a card was inserted or removed (dwEventState, high word). */
  eventCount: number;
  /** The card's answer to reset (ISO 7816-3); empty if there is no card. */
  answerToReset: ArrayBuffer;
}

/** Options of `context.getStatusChange`. */
export interface SmartCardGetStatusChangeOptions {
  /**
   * Milliseconds, after which the call rejects with UnknownError (SCARD_E_TIMEOUT).
   * @default no limit
   */
  timeout?: number | undefined;
  /** Ends the call: it rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

/** Options of `context.connect`. */
export interface SmartCardConnectOptions {
  /**
   * The protocols that the caller accepts (SCardConnect, dwPreferredProtocols).
   * @default none, which PC/SC accepts for direct connections only
   */
  preferredProtocols?: Iterable<SmartCardProtocol> | undefined;
}

/** Options of `connection.transmit`. */
export interface SmartCardTransmitOptions {
  /**
   * The protocol to send the command with.
   * @default the active protocol
   */
  protocol?: SmartCardProtocol | undefined;
}

/** Options of `connection.startTransaction`. */
export interface SmartCardTransactionOptions {
  /** Ends the wait for the card: the call rejects with the reason of the signal. It does not end a transaction. */
  signal?: AbortSignal | undefined;
}

/**
 * The work of a transaction.
 *
 * @returns What happens to the card at the end of the transaction. Undefined and null reset it.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: a callback without a return statement resets the card.
export type SmartCardTransactionCallback = () => Promise<SmartCardDisposition | null | undefined | void>;

/** What SCardStatus returns. */
export interface SmartCardConnectionStatus {
  /** The name of the reader. */
  readerName: string;
  state: SmartCardConnectionState;
  /** The card's answer to reset (ISO 7816-3); empty if there is no card. */
  answerToReset: ArrayBuffer;
}
