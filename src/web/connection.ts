/** SmartCardConnection: a connected card. */
import { Dispositions } from '../native/numbers.js';
import type { NativeConnection } from '../native/types.js';
import type { CardHandle } from './card-handle.js';
import type { ContextState } from './context-state.js';
import { invalidState } from './error.js';
import { connectionState, protocolBits } from './protocols.js';
import { runCallback, type Settlement } from './transaction.js';
import type {
  SmartCardConnectionStatus,
  SmartCardDisposition,
  SmartCardTransactionCallback,
  SmartCardTransactionOptions,
  SmartCardTransmitOptions,
} from './types.js';
import {
  type Bytes,
  checkConstructor,
  toArrayBuffer,
  toBytes,
  toDictionary,
  toKey,
  toSignal,
  toUnsignedLong,
} from './webidl.js';

/**
 * A connected card (the specification's SmartCardConnection). `context.connect` returns it.
 *
 * Every method rejects with InvalidStateError while another operation of the same context runs, while another
 * connection of the context holds a transaction on the reader, after `disconnect()`, and after the service has stopped.
 * It rejects with TypeError if an argument is invalid, and otherwise with the exception that corresponds to the code of
 * its PC/SC function: a SmartCardError, or a DOMException.
 */
export class SmartCardConnection {
  readonly #context: ContextState;
  readonly #handle: CardHandle;

  /** @internal Use `context.connect`. */
  constructor(key: symbol, context: ContextState, handle: CardHandle) {
    checkConstructor(key);
    this.#context = context;
    this.#handle = handle;
  }

  /**
   * Disconnects the card (SCardDisconnect).
   *
   * @param disposition - What happens to the card.
   * @default 'leave'
   */
  async disconnect(disposition: SmartCardDisposition = 'leave'): Promise<undefined> {
    const how = toKey(Dispositions, disposition, 'disposition');
    this.#context.checkIdle();
    this.#context.checkReader(this.#handle.reader, this);
    if (this.#handle.isDisconnected) this.#handle.checkConnected();
    await this.#context.run(() => this.#handle.disconnect(how));
  }

  /**
   * Sends a command APDU and returns the response, including its status word (SCardTransmit).
   *
   * @param sendBuffer - Up to 65,544 bytes. They are not wiped: if they carry a PIN, wipe them afterwards.
   * @throws {DOMException} InvalidStateError if the connection has no active protocol and the options name none.
   */
  async transmit(sendBuffer: Bytes, options?: SmartCardTransmitOptions): Promise<ArrayBuffer> {
    const apdu = toBytes(sendBuffer, 'sendBuffer');
    const { protocol } = toDictionary(options, 'options');
    const asked = protocol === undefined ? 0 : protocolBits([protocol]);
    this.#check();
    if (asked === 0 && this.#handle.protocol === 0) {
      throw invalidState('No protocol is active: pass the option protocol');
    }
    return toArrayBuffer(await this.#context.run(() => this.#handle.transmit(apdu, asked)));
  }

  /**
   * Runs the callback in a transaction, with exclusive use of the card (SCardBeginTransaction, SCardEndTransaction).
   *
   * @param transaction - Called when the transaction has begun. The transaction ends when its promise settles: with the
   *   disposition that it resolves to, or with a reset.
   * @throws {unknown} What the callback threw, after a reset; the reason of the signal, if it ended the wait.
   * @throws {DOMException} InvalidStateError if an operation was still running when the callback settled, or if the
   *   callback has disconnected the card.
   * @throws {TypeError} The callback resolved to an unknown disposition, after a reset.
   * @throws {SmartCardError} `reset-card` if another program had reset the card: the callback does not run.
   */
  async startTransaction(
    transaction: SmartCardTransactionCallback,
    options?: SmartCardTransactionOptions,
  ): Promise<undefined> {
    if (typeof transaction !== 'function') throw new TypeError('transaction must be a function');
    const signal = toSignal(toDictionary(options, 'options').signal);
    const context = this.#context;
    const { reader } = this.#handle;
    context.checkIdle();
    context.checkReader(reader);
    this.#handle.checkConnected();
    signal?.throwIfAborted();
    await context.run(async () => {
      await this.#handle.begin(signal);
      context.beginTransaction(reader, this);
    });

    const settlement = await runCallback(transaction);
    if (context.busy) {
      settlement.failure ??= {
        reason: invalidState('An operation was in progress when the callback of the transaction settled'),
      };
    }
    await context.runEnd(() => this.#endTransaction(settlement));
  }

  /** Returns the state of the connection and the card's ATR (SCardStatus). */
  async status(): Promise<SmartCardConnectionStatus> {
    this.#check();
    const { state, protocol, atr } = await this.#run((connection) => connection.status());
    return {
      readerName: this.#handle.reader,
      state: connectionState(state, protocol),
      answerToReset: toArrayBuffer(atr),
    };
  }

  /**
   * Sends a command to the reader's driver (SCardControl).
   *
   * @param controlCode - The platform's own control code, 32 bits: `controlCode(1)` of `pcsc-bridge`.
   * @param data - Input for the driver.
   * @returns The driver's answer.
   */
  async control(controlCode: number, data: Bytes): Promise<ArrayBuffer> {
    const code = toUnsignedLong(controlCode, 'controlCode');
    const input = toBytes(data, 'data');
    this.#check();
    return toArrayBuffer(await this.#run((connection) => connection.control(code, input)));
  }

  /**
   * Reads an attribute of the reader or card (SCardGetAttrib).
   *
   * @param tag - The number of the attribute, 32 bits: one of `Attributes` of `pcsc-bridge`.
   */
  async getAttribute(tag: number): Promise<ArrayBuffer> {
    const id = toUnsignedLong(tag, 'tag');
    this.#check();
    return toArrayBuffer(await this.#run((connection) => connection.getAttribute(id)));
  }

  /**
   * Sets an attribute of the reader (SCardSetAttrib).
   *
   * @param tag - The number of the attribute, 32 bits: one of `Attributes` of `pcsc-bridge`.
   */
  async setAttribute(tag: number, value: Bytes): Promise<undefined> {
    const id = toUnsignedLong(tag, 'tag');
    const bytes = toBytes(value, 'value');
    this.#check();
    await this.#run((connection) => connection.setAttribute(id, bytes));
  }

  get [Symbol.toStringTag](): string {
    return 'SmartCardConnection';
  }

  async #endTransaction({ disposition, failure }: Settlement): Promise<void> {
    try {
      // The callback may have disconnected the card, which has ended the transaction.
      if (this.#handle.isDisconnected) this.#handle.checkConnected();
      await this.#handle.end(disposition);
    } catch (error) {
      throw failure !== undefined && !this.#handle.isDisconnected ? failure.reason : error;
    } finally {
      this.#context.endTransaction(this.#handle.reader);
    }
    if (failure !== undefined) throw failure.reason;
  }

  #check(): void {
    this.#context.checkIdle();
    this.#context.checkReader(this.#handle.reader, this);
    this.#handle.checkConnected();
  }

  #run<T>(operation: (connection: NativeConnection) => Promise<T>): Promise<T> {
    return this.#context.run(() => this.#handle.use(operation));
  }
}
