/** A connected card. */

import type { CommandApdu, ResponseApdu } from '../apdu/index.js';
import type { TransactionActivity } from '../diagnostics/activity.js';
import { traced } from '../diagnostics/trace.js';
import { closedError, PcscError, traceToCaller } from '../errors.js';
import type { NativeConnection, NativeOwner } from '../native/addon.js';
import { type Cancellation, type Closing, type WaitOptions, waitFor } from '../support/cancellation.js';
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
import { PreparedCommand } from './exchange.js';
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
import { TransactionQueue } from './transaction-queue.js';

/** What a session gives to a card. */
export interface CardPlace {
  readonly owner: NativeOwner;
  readonly reader: string;
  /** A transaction is asked for. */
  ask(): TransactionActivity;
  onClose(card: Card): void;
  readonly closing: Closing;
}

export interface ConnectOptions extends WaitOptions {
  /** 'shared' unless given. */
  shareMode?: ShareMode | undefined;
  /** Those that will do; `['T=0', 'T=1']` unless given, none with shareMode 'direct'. */
  protocols?: readonly Protocol[] | undefined;
  /**
   * What an operation does that finds the card reset by somebody else. 'error', unless given: it fails with
   * SCARD_W_RESET_CARD, and the next one connects again. 'reconnect': it connects again itself and goes on, for
   * programs that select anew each time. A transaction always connects again and tells by `cardWasReset`.
   */
  onReset?: 'error' | 'reconnect' | undefined;
}

export interface ReconnectOptions extends ConnectOptions {
  /** What to do to the card first; 'leave' unless given. */
  initialization?: Disposition | undefined;
}

/**
 * A card connected in a session (SCardConnect). Every operation runs off the JavaScript thread, in order;
 * while a transaction runs on this object, only what its callback calls, the others wait until it ends.
 *
 * After SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD, a dead daemon or an aborted call the operation that met it
 * reports it, and the next one connects again by itself.
 */
export class Card {
  readonly reader: string;
  readonly #connection: RepairingConnection;
  readonly #transactions = new TransactionQueue();
  #closed: Promise<void> | undefined;
  readonly #place: CardPlace;

  private constructor(connection: RepairingConnection, place: CardPlace) {
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

  /** The active protocol; undefined with shareMode 'direct' while none has been agreed on with the card. */
  get protocol(): Protocol | undefined {
    return protocolName(this.#connection.protocol);
  }

  /**
   * SCardTransmit: sends a command APDU (4 to 65,544 bytes) and gives the response, status word included.
   * Waits while somebody else's transaction holds the card. The APDU is read when its turn comes: leave it as
   * it is until then.
   */
  async transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    checkApdu(apdu);
    return await this.#run('SCardTransmit', options, (connection, cancel) =>
      traced(this.reader, apdu, () => connection.transmit(apdu, cancel?.native)),
    );
  }

  /**
   * SCardTransmit of a command and of what it takes to get its whole response (ISO/IEC 7816-4, 5.3): a long
   * command goes as a chain unless it is marked extended, 61xx is answered with GET RESPONSE, 6Cxx with the right
   * Le, but a command that carries a PIN or a key is sent once. All of it in one call, with no other command of this process in between. Error MalformedApduError
   * where the bytes are not an APDU.
   */
  async exchange(command: CommandApdu | Uint8Array, options?: WaitOptions): Promise<ResponseApdu> {
    const prepared = new PreparedCommand(command);
    try {
      return await this.#run('SCardTransmit', options, (connection, cancel) =>
        prepared.send(connection, this.reader, cancel?.native),
      );
    } finally {
      prepared.wipe();
    }
  }

  /** SCardStatus. */
  async status(options?: WaitOptions): Promise<CardStatus> {
    return this.#run('SCardStatus', options, (connection, cancel) => readStatus(connection, cancel?.native));
  }

  /** SCardControl; `code` is the platform's own: `controlCode(1)`, or one of `readFeatures(card)`. */
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

  /** SCardGetAttrib: `'vendorName'`, or any other of `Attributes`, or a number. */
  async getAttribute(attribute: Attribute, options?: WaitOptions): Promise<Uint8Array> {
    const id = attributeNumber(attribute);
    return this.#run('SCardGetAttrib', options, (connection, cancel) =>
      connection.getAttribute(id, cancel?.native),
    );
  }

  /** SCardSetAttrib. */
  async setAttribute(attribute: Attribute, value: Uint8Array, options?: WaitOptions): Promise<void> {
    const id = attributeNumber(attribute);
    checkBytes(value, 'value');
    return this.#run('SCardSetAttrib', options, (connection, cancel) =>
      connection.setAttribute(id, value, cancel?.native),
    );
  }

  /**
   * SCardReconnect: changes how the card is connected, or resets it. To exclusive, pcsc-lite waits until nobody
   * else is connected, where Windows answers SCARD_E_SHARING_VIOLATION. From exclusive to another share mode it is
   * SCardDisconnect and SCardConnect, between which somebody else may take the card.
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
        // After SCardReconnect pcsc-lite (1.9.9) would keep everybody else waiting until we disconnect.
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
   * Runs the callback while the card is ours alone (SCardBeginTransaction ... SCardEndTransaction). Waiting
   * for the card is in order of arrival within the process, ends with `timeout` or `signal`, and blocks
   * nobody. A callback that throws resets the card.
   *
   * Error BRIDGE_E_NESTED inside a transaction on the same card.
   */
  async transaction<T>(
    callback: (transaction: Transaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    checkCallback(callback);
    checkOptions(options);
    checkIdleOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    checkNotHeld('SCardBeginTransaction', this.reader);
    const { parts, end, activity } = await this.#begin(options, disposition);
    return await whileHolding(this.reader, this, () =>
      runTransaction(new Transaction(parts), callback, end, options, activity),
    );
  }

  /**
   * Begins a transaction that lasts until its `end()` (SCardBeginTransaction), for code that a callback does not suit.
   * `transaction` is safer: it cannot be forgotten, and it knows whether the work has failed.
   *
   * While it lasts, operations on this object wait: use those of the transaction. In it, waiting for another transaction on
   * the same card waits for ever, if without a timeout; here that is not an error.
   *
   * @param options - As for `transaction`.
   * @throws {TimeoutError | AbortError} `timeout` or `signal` ended the wait for the card.
   * @throws {PcscError} BRIDGE_E_NESTED inside the callback of a transaction on the same card.
   */
  async beginTransaction(options: TransactionOptions = {}): Promise<OpenTransaction> {
    checkOptions(options);
    checkIdleOptions(options);
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    checkNotHeld('SCardBeginTransaction', this.reader);
    const { parts, end, activity } = await this.#begin(options, disposition);
    return new OpenTransaction(parts, end, options, activity);
  }

  /** SCardDisconnect with this disposition, and the end of this object. What is under way is cancelled. */
  async disconnect(disposition: Disposition = 'leave'): Promise<void> {
    const how = dispositionNumber(disposition);
    if (this.#closed === undefined) {
      this.#place.onClose(this);
      this.#closed = this.#connection.close(how);
      this.#transactions.rejectAll(closedError('Card'));
    }
    return this.#closed;
  }

  /** `disconnect('leave')`. */
  close(): Promise<void> {
    return this.disconnect();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Waits for the card. `end` ends the transaction and passes the turn on. */
  async #begin(
    options: TransactionOptions,
    disposition: Disposition,
  ): Promise<{
    parts: TransactionParts;
    end: (disposition: number) => Promise<void>;
    activity: TransactionActivity;
  }> {
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
      const end = (how: number) => this.#end(connection, how).finally(() => this.#transactions.leave());
      return { parts, end, activity };
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
   * Runs an operation on the connection, in its place in line: a transaction's begin, which keeps the turn, and
   * whatever others ask for while a transaction runs.
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
    if (this.#closed) throw closedError('Card');
    checkNotHeld(name, this.reader, this);
    const queue = this.#transactions;
    const inQueue = kind === 'transaction' || (queue.taken && !isHeldBy(this.reader, this));
    try {
      // The way most APDUs go: nothing to wait for, nobody to end it.
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

  /** An operation that failed because the card was closed says so. */
  #orClosed(error: unknown): unknown {
    return traceToCaller(this.#closed && error instanceof PcscError ? closedError('Card') : error);
  }
}

function checkOnReset(policy: unknown): 'error' | 'reconnect' {
  if (policy === undefined || policy === 'error') return 'error';
  if (policy === 'reconnect') return 'reconnect';
  throw new TypeError(`onReset: '${String(policy)}' is none of 'error', 'reconnect'`);
}
