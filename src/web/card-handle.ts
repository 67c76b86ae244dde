/** The PC/SC handle of one SmartCardConnection. */
import { traced } from '../diagnostics/trace.js';
import { PcscError } from '../errors.js';
import { native } from '../native/addon.js';
import { Dispositions } from '../native/numbers.js';
import type { NativeCancel, NativeConnection, NativeOwner } from '../native/types.js';
import { addAbortListener } from '../support/cancellation.js';
import { invalidState, SmartCardError } from './error.js';
import type { SmartCardDisposition } from './types.js';

/** Parameters of SCardConnect, as numbers of src/native/numbers.ts. */
export interface ConnectParameters {
  owner: NativeOwner;
  reader: string;
  shareMode: number;
  protocols: number;
}

/** Codes after which every handle of the old service is invalid. */
const serviceIsGone = new Set(['SCARD_E_NO_SERVICE', 'SCARD_E_SERVICE_STOPPED', 'SCARD_P_SHUTDOWN']);

/**
 * A handle is never repaired behind the caller's back, as `Card` does it: after a reset or a removal, every operation
 * fails until the caller connects anew. The exception is a handle that an abort has cost, because the library could not
 * cancel the call: the next operation connects again.
 */
export class CardHandle {
  readonly reader: string;
  readonly #parameters: ConnectParameters;
  #native: NativeConnection;
  #state: 'connected' | 'service-gone' | 'disconnected' = 'connected';
  /** The active protocol's bit; 0 if there is none. */
  protocol = 0;

  private constructor(parameters: ConnectParameters) {
    this.reader = parameters.reader;
    this.#parameters = parameters;
    this.#native = new native.Connection(parameters.owner);
  }

  /** @throws {PcscError} The codes of SCardConnect. */
  static async connect(parameters: ConnectParameters): Promise<CardHandle> {
    const handle = new CardHandle(parameters);
    await handle.#connect();
    return handle;
  }

  get isDisconnected(): boolean {
    return this.#state === 'disconnected';
  }

  /** @throws {DOMException} InvalidStateError: the handle is disconnected, or its service has stopped. */
  checkConnected(): void {
    if (this.#state === 'connected') return;
    throw invalidState(
      this.#state === 'disconnected'
        ? 'The connection is disconnected'
        : 'The smart card service has stopped; connect again',
    );
  }

  /** Runs an operation on the handle. */
  async use<T>(operation: (connection: NativeConnection) => Promise<T>): Promise<T> {
    if (this.#native.ended) await this.#connectAgain();
    try {
      return await operation(this.#native);
    } catch (error) {
      if (error instanceof PcscError && serviceIsGone.has(error.code)) this.#state = 'service-gone';
      throw error;
    }
  }

  /** SCardTransmit. `protocol`: 0 for the active one. */
  transmit(apdu: Uint8Array, protocol: number): Promise<Uint8Array> {
    return this.use((connection) => traced(this.reader, apdu, () => connection.transmit(apdu, protocol)));
  }

  /**
   * SCardBeginTransaction.
   *
   * @throws {SmartCardError} `reset-card`: the card was reset; no transaction has begun.
   * @throws {unknown} The reason of the signal, if it ended the wait for the card.
   */
  async begin(signal: AbortSignal | undefined): Promise<void> {
    const { cardWasReset } = await this.use((connection) =>
      abortable(signal, (cancel) => connection.begin(cancel)),
    );
    if (!cardWasReset) return;
    // The transaction is on a handle that the core has reconnected. The caller has to learn of the reset.
    await this.end('leave').catch(() => {});
    throw new SmartCardError('The card was reset by another program; connect again', {
      responseCode: 'reset-card',
    });
  }

  /** SCardEndTransaction. */
  end(disposition: SmartCardDisposition): Promise<void> {
    return this.use((connection) => connection.end(Dispositions[disposition]));
  }

  /**
   * SCardDisconnect. The handle is released even if the call fails. It succeeds if an earlier call has found that the
   * service has stopped.
   */
  async disconnect(disposition: SmartCardDisposition): Promise<void> {
    const wasConnected = this.#state === 'connected';
    this.#state = 'disconnected';
    try {
      if (wasConnected && !this.#native.ended) await this.#native.disconnect(Dispositions[disposition]);
    } finally {
      await this.#native.close(Dispositions.leave);
    }
  }

  async #connect(): Promise<void> {
    const { reader, shareMode, protocols } = this.#parameters;
    this.protocol = await this.#native.connect(reader, shareMode, protocols, false);
  }

  async #connectAgain(): Promise<void> {
    this.#native = new native.Connection(this.#parameters.owner);
    await this.#connect();
  }
}

/** Cancels an operation when the signal aborts. The reason of the signal counts only if the operation was cancelled. */
async function abortable<T>(
  signal: AbortSignal | undefined,
  start: (cancel?: NativeCancel) => Promise<T>,
): Promise<T> {
  if (signal === undefined) return start();
  const cancel = new native.Cancel();
  const onAbort = () => cancel.cancel();
  addAbortListener(signal, onAbort);
  try {
    return await start(cancel);
  } catch (error) {
    const cancelled = error instanceof PcscError && error.code === 'SCARD_E_CANCELLED';
    throw cancelled && signal.aborted ? signal.reason : error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
