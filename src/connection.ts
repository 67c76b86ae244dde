/** A connected card's channel, kept usable across resets, removals, aborted calls and dead daemons. */
import { closedError, PcscError } from './errors.js';
import { type NativeChannel, native } from './native.js';
import type { Cancellation } from './waiting.js';

/** How to connect: numbers as src/native.ts has them. */
export interface ConnectParameters {
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
/** The operation was never begun: its channel was given up, or the repair before it failed. */
const neverRan = new Set(['BRIDGE_E_ABANDONED', 'BRIDGE_E_NOT_CONNECTED']);

/**
 * The operation that meets a failure reports it; the next one first puts things right. A channel works in
 * order, so whatever is asked for meanwhile waits behind the repair. Failures of one asker's operation are not
 * another's: what never ran because of them runs anew.
 */
export class Connection {
  #channel: NativeChannel | undefined;
  #remedy: 'none' | 'reconnect' | 'fresh' = 'fresh';
  #renewed = false;
  #closed: Promise<void> | undefined;
  /** The active protocol's bit. */
  protocol = 0;

  constructor(readonly parameters: ConnectParameters) {}

  /** Runs an operation on a channel whose card is connected, or about to be. */
  async use<T>(
    cancel: Cancellation | undefined,
    operation: (channel: NativeChannel) => Promise<T>,
  ): Promise<T> {
    for (let again = this.parameters.reconnects; ; ) {
      const channel = this.#usable ?? (await this.#ready(cancel));
      try {
        return await operation(channel);
      } catch (error) {
        this.note(error, channel);
        if (this.#closed || !(error instanceof PcscError)) throw error;
        const wasReset = again && wantsReconnect.has(error.code);
        if (wasReset) again = false;
        else if (!neverRan.has(error.code)) throw error;
      }
    }
  }

  /** Learns from a failure on a channel what the next use has to do first. */
  note(error: unknown, channel: NativeChannel): void {
    if (!(error instanceof PcscError) || channel !== this.#channel) return;
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
    this.#closed ??= this.#channel?.close(disposition) ?? Promise.resolve();
    return this.#closed;
  }

  /** The channel, where there is nothing to put right. */
  get #usable(): NativeChannel | undefined {
    const ready = this.#remedy === 'none' && this.#closed === undefined && this.#channel?.ended === false;
    return ready ? this.#channel : undefined;
  }

  async #ready(cancel: Cancellation | undefined): Promise<NativeChannel> {
    if (this.#closed) throw closedError('Card');
    const { reader, shareMode, protocols } = this.parameters;
    const old = this.#channel;
    const remedy = old === undefined || old.ended ? 'fresh' : this.#remedy;
    if (old !== undefined && remedy === 'none') return old;

    const channel = old === undefined || remedy === 'fresh' ? new native.Channel() : old;
    if (channel !== old) void old?.close(0);
    this.#channel = channel;
    this.#remedy = 'none';
    this.#renewed = old !== undefined;
    try {
      const protocol = await (remedy === 'fresh'
        ? channel.connect(reader, shareMode, protocols, cancel?.native)
        : channel.reconnect(shareMode, protocols, 0, cancel?.native));
      if (channel === this.#channel) this.protocol = protocol;
    } catch (error) {
      if (channel === this.#channel) this.#remedy = 'fresh';
      throw error;
    }
    return channel;
  }
}
