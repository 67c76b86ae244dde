/** A connection to a card that recovers from resets, removals, aborted calls and service restarts. */
import { closedError, PcscError } from '../errors.js';
import { native } from '../native/addon.js';
import type { NativeConnection, NativeOwner } from '../native/types.js';
import type { Cancellation } from '../support/cancellation.js';

/** Parameters of SCardConnect, as numbers of src/native/numbers.ts. */
export interface ConnectParameters {
  owner: NativeOwner;
  reader: string;
  shareMode: number;
  protocols: number;
  /** If true, an operation that finds the card reset reconnects and runs instead of failing. */
  reconnects: boolean;
}

/** Codes after which SCardReconnect makes the handle usable again. */
const wantsReconnect = new Set(['SCARD_W_RESET_CARD']);
/** Codes after which the handle or its context is invalid. Windows has several error codes for a stopped service. */
const wantsFresh = new Set([
  'SCARD_W_REMOVED_CARD',
  'SCARD_W_UNPOWERED_CARD',
  'SCARD_W_UNRESPONSIVE_CARD',
  'SCARD_E_COMM_DATA_LOST',
  'SCARD_E_INVALID_HANDLE',
  // pcscd's answer if the reader of the handle was unplugged, or came back after the host slept.
  'SCARD_E_INVALID_VALUE',
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
/** Codes of an operation that never ran: its connection was abandoned, or the repair before it failed. */
const neverRan = new Set(['BRIDGE_E_ABANDONED', 'BRIDGE_E_NOT_CONNECTED']);

/**
 * The operation that fails reports the failure, and the next one repairs the connection first. Operations on a
 * connection run in order, so later ones wait behind the repair. An operation that never ran because of another
 * operation's failure runs again.
 */
export class RepairingConnection {
  #connection: NativeConnection | undefined;
  #remedy: 'none' | 'reconnect' | 'fresh' = 'fresh';
  #renewed = false;
  #closed: Promise<void> | undefined;
  /** The active protocol's bit. */
  protocol = 0;

  constructor(readonly parameters: ConnectParameters) {}

  /** Runs an operation on a connection that is connected, or repairs it first. */
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

  /** Decides from a failure which repair the next operation needs. */
  note(error: unknown, connection: NativeConnection): void {
    if (!(error instanceof PcscError) || connection !== this.#connection) return;
    if (wantsFresh.has(error.code)) this.#remedy = 'fresh';
    else if (wantsReconnect.has(error.code) && this.#remedy === 'none') this.#remedy = 'reconnect';
  }

  /** True once after a reconnect: selections and verified PINs may be lost. */
  takeRenewed(): boolean {
    const renewed = this.#renewed;
    this.#renewed = false;
    return renewed;
  }

  close(disposition: number): Promise<void> {
    this.#closed ??= this.#connection?.close(disposition) ?? Promise.resolve();
    return this.#closed;
  }

  /** The connection if it needs no repair. */
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
