/** A connected card. */

import type { CommandApdu, ResponseApdu } from '../apdu/index.js';
import type { TransactionActivity } from '../diagnostics/activity.js';
import { traced } from '../diagnostics/trace.js';
import { closedError, PcscError, traceToCaller } from '../errors.js';
import type { NativeConnection, NativeOwner } from '../native/types.js';
import { type Cancellation, type Closing, type WaitOptions, waitFor } from '../support/cancellation.js';
import { Closable } from '../support/closable.js';
import {
  checkApdu,
  checkBytes,
  checkCallback,
  checkNumber,
  checkOptions,
  type Disposition,
  dispositionNumber,
  type Protocol,
  protocolBits,
  protocolName,
  type ShareMode,
  shareModeNumber,
} from '../support/validation.js';
import { type Attribute, attributeNumber } from './attributes.js';
import { type CardExchangeOptions, PreparedCommand } from './exchange.js';
import { checkIdleOptions } from './idle-timer.js';
import { OpenTransaction } from './open-transaction.js';
import { checkNotHeld, isHeldBy, whileHolding } from './reentrancy.js';
import { RepairingConnection } from './repairing-connection.js';
import {
  type CardStatus,
  readStatus,
  runTransaction,
  Transaction,
  type TransactionOptions,
  type TransactionParts,
} from './transaction.js';
import type { TransactionEnd } from './transaction-end.js';
import { TransactionQueue } from './transaction-queue.js';

/** What a session passes to its cards. */
export interface CardPlace {
  readonly owner: NativeOwner;
  readonly reader: string;
  /** Called when a transaction is requested. */
  ask(): TransactionActivity;
  onClose(card: Card): void;
  readonly closing: Closing;
}

/** Options of `session.connect`. */
export interface ConnectOptions extends WaitOptions {
  /**
   * How the card is shared with other programs (SCardConnect, dwShareMode).
   * @default 'shared'
   */
  shareMode?: ShareMode | undefined;
  /**
   * The protocols that the caller accepts (SCardConnect, dwPreferredProtocols).
   * @default ['T=0', 'T=1'], or none with shareMode 'direct'
   */
  protocols?: readonly Protocol[] | undefined;
  /**
   * What an operation does if another program has reset the card. 'error': it rejects with SCARD_W_RESET_CARD, and the
   * next operation reconnects. 'reconnect': it reconnects (SCardReconnect) and runs; use it if your program selects its
   * application before every use. A transaction always reconnects and reports the reset in `cardWasReset`.
   * @default 'error'
   */
  onReset?: 'error' | 'reconnect' | undefined;
}

/**
 * Options of `card.reconnect`. Those of ConnectOptions keep their present value by default; `onReset` has no effect
 * here.
 */
export interface ReconnectOptions extends ConnectOptions {
  /**
   * What happens to the card before it is reconnected (SCardReconnect, dwInitialization).
   * @default 'leave'
   */
  initialization?: Disposition | undefined;
}

/**
 * A card connected in a session (SCardConnect). Operations do not block the JavaScript thread, and run one after another. While a
 * transaction runs on this object, only its callback can use the card through it; other operations wait until the
 * transaction ends.
 *
 * If an operation fails with SCARD_W_RESET_CARD or SCARD_W_REMOVED_CARD, or because the service stopped or a call was
 * aborted, the next operation reconnects.
 *
 * Every operation rejects with PcscError: the codes of its PC/SC function, BRIDGE_E_CLOSED after `close()`, and
 * BRIDGE_E_NESTED inside the callback of a transaction on the same card that was begun elsewhere. It rejects with
 * TimeoutError or AbortError if `timeout` or `signal` ended it, and with TypeError or RangeError if an argument is
 * invalid.
 */
export class Card extends Closable {
  readonly reader: string;
  readonly #connection: RepairingConnection;
  readonly #transactions = new TransactionQueue();
  readonly #place: CardPlace;

  private constructor(connection: RepairingConnection, place: CardPlace) {
    super('Card');
    this.#connection = connection;
    this.reader = place.reader;
    this.#place = place;
  }

  /** @internal Use `session.connect`. */
  static async connect(place: CardPlace, options: ConnectOptions): Promise<Card> {
    checkOptions(options);
    const { owner, reader } = place;
    const { shareMode = 'shared', protocols = shareMode === 'direct' ? [] : ['T=0', 'T=1'] } = options;
    const connection = new RepairingConnection({
      owner,
      reader,
      shareMode: shareModeNumber(shareMode),
      protocols: protocolBits(protocols),
      reconnects: checkOnReset(options.onReset) === 'reconnect',
    });
    checkNotHeld('SCardConnect', reader);
    const connect = (cancel?: Cancellation) => connection.use(cancel, async () => {});
    try {
      await waitFor('SCardConnect', reader, options, connect, place.closing);
    } catch (error) {
      void connection.close(dispositionNumber('leave'));
      throw traceToCaller(error);
    }
    return new Card(connection, place);
  }

  /** The active protocol. Undefined with shareMode 'direct' until a protocol is negotiated with the card. */
  get protocol(): Protocol | undefined {
    return protocolName(this.#connection.protocol);
  }

  /**
   * Sends a command APDU and returns the response, including its status word (SCardTransmit). It waits while another
   * program's transaction holds the card.
   *
   * @param apdu - 4 to 65,544 bytes. Do not change them until the promise settles. They are not wiped: if they carry a
   *   PIN, wipe them then.
   * @throws {RangeError} The APDU is too short or too long.
   */
  async transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    checkApdu(apdu);
    return await this.#run('SCardTransmit', options, (connection, cancel) =>
      traced(this.reader, apdu, () => connection.transmit(apdu, 0, cancel?.native)),
    );
  }

  /**
   * Sends a command and returns its whole response (SCardTransmit; ISO/IEC 7816-4, 5.3). A long command is sent as a
   * chain unless it is marked extended. 61xx is answered with GET RESPONSE, 6Cxx with the correct Le. A command that
   * carries a PIN or a key or has secure messaging is sent only once. Over T=0 commands are short, and those with data
   * go without Le. No other command of this process comes in between.
   *
   * @throws {MalformedApduError} The bytes are not an APDU.
   * @throws {PcscError} SCARD_E_INVALID_PARAMETER: T=0 cannot carry the extended command.
   */
  async exchange(command: CommandApdu | Uint8Array, options?: CardExchangeOptions): Promise<ResponseApdu> {
    const prepared = new PreparedCommand(command, options);
    try {
      return await this.#run('SCardTransmit', options, (connection, cancel) =>
        prepared.send(connection, this.reader, cancel?.native),
      );
    } finally {
      prepared.wipe();
    }
  }

  /** Returns the state, protocol and ATR of the card (SCardStatus). */
  async status(options?: WaitOptions): Promise<CardStatus> {
    return this.#run('SCardStatus', options, (connection, cancel) => readStatus(connection, cancel?.native));
  }

  /**
   * Sends a command to the reader's driver (SCardControl).
   *
   * @param code - The platform's own control code: `controlCode(1)`, or one from `readFeatures(card)`.
   * @param input - Input for the driver.
   * @returns The driver's answer.
   */
  async control(
    code: number,
    input: Uint8Array = new Uint8Array(),
    options?: WaitOptions,
  ): Promise<Uint8Array> {
    checkNumber(code, 'code');
    checkBytes(input, 'input');
    return this.#run('SCardControl', options, (connection, cancel) =>
      connection.control(code, input, cancel?.native),
    );
  }

  /**
   * Reads an attribute of the reader or card (SCardGetAttrib).
   *
   * @param attribute - A key of `Attributes`, such as `'vendorName'`, or the number of an attribute.
   * @returns The bytes as the driver returns them.
   */
  async getAttribute(attribute: Attribute, options?: WaitOptions): Promise<Uint8Array> {
    const id = attributeNumber(attribute);
    return this.#run('SCardGetAttrib', options, (connection, cancel) =>
      connection.getAttribute(id, cancel?.native),
    );
  }

  /**
   * Sets an attribute of the reader (SCardSetAttrib).
   *
   * @param attribute - A key of `Attributes`, or the number of an attribute.
   */
  async setAttribute(attribute: Attribute, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const id = attributeNumber(attribute);
    checkBytes(value, 'value');
    return this.#run('SCardSetAttrib', options, (connection, cancel) =>
      connection.setAttribute(id, value, cancel?.native),
    );
  }

  /**
   * Reconnects the card with another share mode or protocol, or resets it (SCardReconnect). If 'exclusive' is requested
   * while other programs are connected, pcsc-lite waits for them to disconnect, and Windows fails with
   * SCARD_E_SHARING_VIOLATION. A change from 'exclusive' to another share mode is an SCardDisconnect and an
   * SCardConnect; another program may connect in between.
   */
  async reconnect(options: ReconnectOptions = {}): Promise<void> {
    checkOptions(options);
    const { parameters } = this.#connection;
    const shareMode =
      options.shareMode === undefined ? parameters.shareMode : shareModeNumber(options.shareMode);
    const protocols =
      options.protocols === undefined ? parameters.protocols : protocolBits(options.protocols);
    const initialization = dispositionNumber(options.initialization ?? 'leave');
    await this.#run('SCardReconnect', options, async (connection, cancel) => {
      const exclusive = shareModeNumber('exclusive');
      if (parameters.shareMode === exclusive && shareMode !== exclusive) {
        // After SCardReconnect pcsc-lite (1.9.9) keeps all other programs waiting until this handle
        // disconnects.
        await connection.disconnect(initialization, cancel?.native);
        const { reader } = this;
        const waits = cancel?.byCaller === true;
        this.#connection.protocol = await connection.connect(
          reader,
          shareMode,
          protocols,
          waits,
          cancel?.native,
        );
      } else {
        this.#connection.protocol = await connection.reconnect(
          shareMode,
          protocols,
          initialization,
          cancel?.native,
        );
      }
      Object.assign(parameters, { shareMode, protocols });
    });
  }

  /**
   * Runs the callback in a transaction, with exclusive use of the card (SCardBeginTransaction, SCardEndTransaction).
   * Transactions of one process begin in order of arrival. The wait for the card does not block the event loop. If the
   * callback throws, the card is reset.
   *
   * @param callback - Receives the transaction, which ends when the callback settles.
   * @returns What the callback returns.
   * @throws {PcscError} BRIDGE_E_NESTED inside a transaction on the same card; SCARD_W_RESET_CARD after `idleTimeout`.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait for the card.
   */
  async transaction<T>(
    callback: (transaction: Transaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    checkCallback(callback);
    const { parts, end } = await this.#begin(options);
    return await whileHolding(this.reader, this, () =>
      runTransaction(new Transaction(parts), callback, options, end),
    );
  }

  /**
   * Begins a transaction that lasts until its `end()` (SCardBeginTransaction), for code that cannot use a callback.
   * `transaction` is safer: it always ends the transaction, and it resets the card if the work fails.
   *
   * While the transaction lasts, operations on this Card object wait; use those of the transaction. Do not wait for a
   * second transaction on the same card in it: without a `timeout` that never ends, and it is not detected.
   *
   * @param options - As for `transaction`.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait for the card.
   * @throws {PcscError} BRIDGE_E_NESTED inside the callback of a transaction on the same card.
   */
  async beginTransaction(options: TransactionOptions = {}): Promise<OpenTransaction> {
    const { parts, end } = await this.#begin(options);
    return new OpenTransaction(parts, options, end);
  }

  /**
   * Disconnects the card and closes this object (SCardDisconnect). Pending operations reject with BRIDGE_E_CLOSED.
   * Later calls return the promise of the first.
   *
   * @param disposition - What happens to the card.
   * @default 'leave'
   */
  async disconnect(disposition: Disposition = 'leave'): Promise<void> {
    const how = dispositionNumber(disposition);
    return this.closeOnce(() => {
      this.#place.onClose(this);
      const closed = this.#connection.close(how);
      this.#transactions.rejectAll(closedError('Card'));
      return closed;
    });
  }

  /** Closes this object: `disconnect('leave')`. */
  close(): Promise<void> {
    return this.disconnect();
  }

  /** Waits for the card. The end of the transaction lets the next one in the queue begin. */
  async #begin(options: TransactionOptions): Promise<{ parts: TransactionParts; end: TransactionEnd }> {
    checkOptions(options);
    checkIdleOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    checkNotHeld('SCardBeginTransaction', this.reader);
    const activity = this.#place.ask();
    const begin = async (
      connection: NativeConnection,
      cancel: Cancellation | undefined,
      inQueue: number,
    ) => ({
      connection,
      inQueue,
      begun: await connection.begin(cancel?.native),
    });
    try {
      const { connection, inQueue, begun } = await this.#run(
        'SCardBeginTransaction',
        options,
        begin,
        'transaction',
      );
      const { thisProcess = 0, otherProcesses = 0 } = begun.waited ?? {};
      const parts: TransactionParts = {
        connection,
        reader: this.reader,
        cardWasReset: this.#connection.takeRenewed() || begun.cardWasReset,
        waited:
          begun.waited || inQueue > 0 ? { thisProcess: thisProcess + inQueue, otherProcesses } : undefined,
        disposition,
      };
      const finish = (how: number) => this.#end(connection, how).finally(() => this.#transactions.leave());
      return { parts, end: { reader: this.reader, finish, limits: options, activity } };
    } catch (error) {
      activity.failed(error);
      throw error;
    }
  }

  async #end(connection: NativeConnection, disposition: number): Promise<void> {
    try {
      await connection.end(disposition);
    } catch (error) {
      this.#connection.note(error, connection);
      throw this.#orClosed(error);
    }
  }

  /**
   * Runs an operation on the connection. It waits in the queue if it begins a transaction, or if a transaction of
   * another caller runs. A transaction's begin keeps the turn.
   */
  async #run<T>(
    name: string,
    options: WaitOptions | undefined,
    operation: (
      connection: NativeConnection,
      cancel: Cancellation | undefined,
      inQueueMs: number,
    ) => Promise<T>,
    kind: 'single' | 'transaction' = 'single',
  ): Promise<T> {
    this.checkOpen();
    checkNotHeld(name, this.reader, this);
    const queue = this.#transactions;
    const inQueue = kind === 'transaction' || (queue.taken && !isHeldBy(this.reader, this));
    try {
      // The fast path of most APDUs: no queue, no timeout, no signal.
      if (!inQueue && options === undefined) {
        return await this.#connection.use(undefined, (connection) => operation(connection, undefined, 0));
      }
      return await waitFor(name, this.reader, options, async (cancel) => {
        const inQueueMs = inQueue ? await queue.enter(cancel) : 0;
        let keep = false;
        try {
          const result = await this.#connection.use(cancel, (connection) =>
            operation(connection, cancel, inQueueMs),
          );
          keep = kind === 'transaction';
          return result;
        } finally {
          if (inQueue && !keep) queue.leave();
        }
      });
    } catch (error) {
      throw this.#orClosed(error);
    }
  }

  /** If the card was closed, replaces the error of an operation by BRIDGE_E_CLOSED. */
  #orClosed(error: unknown): unknown {
    return traceToCaller(this.isClosed && error instanceof PcscError ? closedError('Card') : error);
  }
}

function checkOnReset(policy: unknown): 'error' | 'reconnect' {
  if (policy === undefined || policy === 'error') return 'error';
  if (policy === 'reconnect') return 'reconnect';
  throw new TypeError(`onReset: '${String(policy)}' is none of 'error', 'reconnect'`);
}
