/** A connected card's channel, kept usable across resets, removals, aborted calls and dead daemons. */
import { PcscError } from './errors.js';
import { type NativeChannel, native } from './native.js';
import type { Cancellation } from './waiting.js';

/** How to connect: numbers as src/native.ts has them. */
export interface ConnectParameters {
  reader: string;
  shareMode: number;
  protocols: number;
}

/** The handle has missed something and wants SCardReconnect. */
const wantsReconnect = new Set(['SCARD_W_RESET_CARD']);
/** The handle, or its context, is dead. */
const wantsFresh = new Set([
  'SCARD_W_REMOVED_CARD',
  'SCARD_W_UNPOWERED_CARD',
  'SCARD_E_INVALID_HANDLE',
  'SCARD_E_NO_SERVICE',
  'SCARD_E_NO_SMARTCARD',
  'SCARD_E_READER_UNAVAILABLE',
  'SCARD_E_SERVICE_STOPPED',
  'SCARD_E_UNKNOWN_READER',
  'SCARD_F_COMM_ERROR',
  'BRIDGE_E_ABANDONED',
  'BRIDGE_E_CLOSED',
  'BRIDGE_E_NOT_CONNECTED',
]);

/**
 * The operation that meets a failure reports it; the next one first puts things right. A channel works in
 * order, so whatever is asked for meanwhile waits behind the repair.
 */
export class Connection {
  #channel: NativeChannel | undefined;
  #remedy: 'none' | 'reconnect' | 'fresh' = 'fresh';
  /** The active protocol's bit. */
  protocol = 0;

  constructor(readonly parameters: ConnectParameters) {}

  /** A channel whose card is connected, or about to be. */
  async use<T>(
    cancel: Cancellation | undefined,
    operation: (channel: NativeChannel) => Promise<T>,
  ): Promise<T> {
    const channel = await this.#ready(cancel);
    try {
      return await operation(channel);
    } catch (error) {
      this.note(error);
      throw error;
    }
  }

  /** Learns from a failure what the next use has to do first. */
  note(error: unknown): void {
    if (!(error instanceof PcscError)) return;
    if (wantsFresh.has(error.code)) this.#remedy = 'fresh';
    else if (wantsReconnect.has(error.code) && this.#remedy === 'none') this.#remedy = 'reconnect';
  }

  async close(disposition: number): Promise<void> {
    await this.#channel?.close(disposition);
  }

  async #ready(cancel: Cancellation | undefined): Promise<NativeChannel> {
    const { reader, shareMode, protocols } = this.parameters;
    const old = this.#channel;
    const remedy = old === undefined || old.ended ? 'fresh' : this.#remedy;
    if (old !== undefined && remedy === 'none') return old;

    const channel = old === undefined || remedy === 'fresh' ? new native.Channel() : old;
    if (channel !== old) void old?.close(0);
    this.#channel = channel;
    this.#remedy = 'none';
    try {
      this.protocol = await (remedy === 'fresh'
        ? channel.connect(reader, shareMode, protocols, cancel?.native)
        : channel.reconnect(shareMode, protocols, 0, cancel?.native));
    } catch (error) {
      this.#remedy = 'fresh';
      throw error;
    }
    return channel;
  }
}
