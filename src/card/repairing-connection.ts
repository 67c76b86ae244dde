/** A connection to a card, kept usable across resets, removals, aborted calls and dead daemons. */
import { closedError, PcscError } from '../errors.js';
import { type NativeConnection, type NativeOwner, native } from '../native/addon.js';
import type { Cancellation } from '../support/cancellation.js';

/** How to connect: numbers as src/native/addon.ts has them. */
export interface ConnectParameters {
  owner: NativeOwner;
  reader: string;
  shareMode: number;
  protocols: number;
  /** An operation that finds the card reset connects again and runs, instead of failing. */
  reconnects: boolean;
}

/** The handle has missed something and wants SCardReconnect. */
const wantsReconnect = new Set(['SCARD_W_RESET_CARD']);
/** The handle, or its context, is dead: Windows has several words for a service that went. */
const wantsFresh = new Set([
  'SCARD_W_REMOVED_CARD',
  'SCARD_W_UNPOWERED_CARD',
  'SCARD_W_UNRESPONSIVE_CARD',
  'SCARD_E_COMM_DATA_LOST',
  'SCARD_E_INVALID_HANDLE',
  'SCARD_E_NOT_TRANSACTED',
  'SCARD_E_NO_SERVICE',
  'SCARD_E_NO_SMARTCARD',
  'SCARD_E_READER_UNAVAILABLE',
  'SCARD_E_SERVICE_STOPPED',
  'SCARD_E_SYSTEM_CANCELLED',
  'SCARD_E_UNKNOWN_READER',
  'SCARD_F_COMM_ERROR',
  'SCARD_P_SHUTDOWN',
  'ERROR_INVALID_HANDLE',
  'ERROR_BROKEN_PIPE',
  'ERROR_DEVICE_NOT_CONNECTED',
  'BRIDGE_E_ABANDONED',
  'BRIDGE_E_CLOSED',
  'BRIDGE_E_NOT_CONNECTED',
]);
/** The operation was never begun: its connection was given up, or the repair before it failed. */
const neverRan = new Set(['BRIDGE_E_ABANDONED', 'BRIDGE_E_NOT_CONNECTED']);

/**
 * The operation that meets a failure reports it; the next one first puts things right. A connection works in
 * order, so whatever is asked for meanwhile waits behind the repair. Failures of one asker's operation are not
 * another's: what never ran because of them runs anew.
 */
export class RepairingConnection {
  #connection: NativeConnection | undefined;
  #remedy: 'none' | 'reconnect' | 'fresh' = 'fresh';
  #renewed = false;
  #closed: Promise<void> | undefined;
  /** The active protocol's bit. */
  protocol = 0;

  constructor(readonly parameters: ConnectParameters) {}

  /** Runs an operation on a connection whose card is connected, or about to be. */
  async use<T>(
    cancel: Cancellation | undefined,
    operation: (connection: NativeConnection) => Promise<T>,
  ): Promise<T> {
    for (let again = this.parameters.reconnects; ; ) {
      const connection = this.#usable ?? (await this.#ready(cancel));
      try {
        return await operation(connection);
      } catch (error) {
        this.note(error, connection);
        if (this.#closed || !(error instanceof PcscError)) throw error;
        const wasReset = again && wantsReconnect.has(error.code);
        if (wasReset) again = false;
        else if (!neverRan.has(error.code)) throw error;
      }
    }
  }

  /** Learns from a failure on a connection what the next use has to do first. */
  note(error: unknown, connection: NativeConnection): void {
    if (!(error instanceof PcscError) || connection !== this.#connection) return;
    if (wantsFresh.has(error.code)) this.#remedy = 'fresh';
    else if (wantsReconnect.has(error.code) && this.#remedy === 'none') this.#remedy = 'reconnect';
  }

  /** True, once, when the card was connected again: what was selected or verified before may be forgotten. */
  takeRenewed(): boolean {
    const renewed = this.#renewed;
    this.#renewed = false;
    return renewed;
  }

  close(disposition: number): Promise<void> {
    this.#closed ??= this.#connection?.close(disposition) ?? Promise.resolve();
    return this.#closed;
  }

  /** The connection, where there is nothing to put right. */
  get #usable(): NativeConnection | undefined {
    return this.#remedy === 'none' && this.#closed === undefined ? this.#connection : undefined;
  }

  async #ready(cancel: Cancellation | undefined): Promise<NativeConnection> {
    if (this.#closed) throw closedError('Card');
    const { reader, shareMode, protocols } = this.parameters;
    const old = this.#connection;
    const remedy = old === undefined || old.ended ? 'fresh' : this.#remedy;
    if (old !== undefined && remedy === 'none') return old;

    const connection =
      old === undefined || remedy === 'fresh' ? new native.Connection(this.parameters.owner) : old;
    if (connection !== old) void old?.close(0);
    this.#connection = connection;
    this.#remedy = 'none';
    this.#renewed = old !== undefined;
    try {
      const protocol = await (remedy === 'fresh'
        ? connection.connect(reader, shareMode, protocols, cancel?.byCaller === true, cancel?.native)
        : connection.reconnect(shareMode, protocols, 0, cancel?.native));
      if (connection === this.#connection) this.protocol = protocol;
    } catch (error) {
      if (connection === this.#connection) this.#remedy = 'fresh';
      throw error;
    }
    return connection;
  }
}
