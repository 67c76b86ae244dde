/** A connected card. */
import { Connection } from './connection.js';
import { closedError } from './errors.js';
import { Line } from './line.js';
import type { NativeChannel } from './native.js';
import {
  type CardStatus,
  readStatus,
  runTransaction,
  Transaction,
  type TransactionOptions,
} from './transaction.js';
import {
  checkApdu,
  checkBytes,
  type Disposition,
  dispositionNumber,
  type Protocol,
  protocolBits,
  protocolName,
  type ShareMode,
  shareModeNumber,
} from './values.js';
import { type Cancellation, type WaitOptions, waitFor } from './waiting.js';

export interface ConnectOptions extends WaitOptions {
  /** 'shared' unless given. */
  shareMode?: ShareMode | undefined;
  /** Those that will do; `['T=0', 'T=1']` unless given, none with shareMode 'direct'. */
  protocols?: readonly Protocol[] | undefined;
}

export interface ReconnectOptions extends ConnectOptions {
  /** What to do to the card first; 'leave' unless given. */
  initialization?: Disposition | undefined;
}

/**
 * A card connected in a session (SCardConnect). Every operation runs off the JavaScript thread, in order.
 *
 * After SCARD_W_RESET_CARD, SCARD_W_REMOVED_CARD, a dead daemon or an aborted call the operation that met it
 * reports it, and the next one connects again by itself.
 */
export class Card {
  readonly reader: string;
  readonly #connection: Connection;
  readonly #transactions = new Line();
  #closed: Promise<void> | undefined;
  readonly #onClose: (card: Card) => void;

  private constructor(connection: Connection, onClose: (card: Card) => void) {
    this.#connection = connection;
    this.reader = connection.parameters.reader;
    this.#onClose = onClose;
  }

  /** @internal Use `session.connect`. */
  static async connect(
    reader: string,
    options: ConnectOptions,
    onClose: (card: Card) => void,
  ): Promise<Card> {
    const { shareMode = 'shared', protocols = shareMode === 'direct' ? [] : ['T=0', 'T=1'] } = options;
    const connection = new Connection({
      reader,
      shareMode: shareModeNumber(shareMode),
      protocols: protocolBits(protocols),
    });
    try {
      await waitFor('SCardConnect', reader, options, (cancel) => connection.use(cancel, async () => {}));
    } catch (error) {
      void connection.close(dispositionNumber('leave'));
      throw error;
    }
    return new Card(connection, onClose);
  }

  /** The active protocol; undefined with shareMode 'direct'. */
  get protocol(): Protocol | undefined {
    return protocolName(this.#connection.protocol);
  }

  /**
   * SCardTransmit: sends a command APDU (4 to 65,544 bytes) and gives the response, status word included.
   * Waits while somebody else's transaction holds the card.
   */
  transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    checkApdu(apdu);
    return this.#run('SCardTransmit', options, (channel, cancel) => channel.transmit(apdu, cancel?.native));
  }

  /** SCardStatus. */
  status(options?: WaitOptions): Promise<CardStatus> {
    return this.#run('SCardStatus', options, (channel, cancel) => readStatus(channel, cancel?.native));
  }

  /** SCardControl; `code` is the platform's own. */
  control(code: number, input: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    checkBytes(input, 'input');
    return this.#run('SCardControl', options, (channel, cancel) =>
      channel.control(code, input, cancel?.native),
    );
  }

  /** SCardGetAttrib. */
  getAttribute(id: number, options?: WaitOptions): Promise<Uint8Array> {
    return this.#run('SCardGetAttrib', options, (channel, cancel) =>
      channel.getAttribute(id, cancel?.native),
    );
  }

  /** SCardSetAttrib. */
  setAttribute(id: number, value: Uint8Array, options?: WaitOptions): Promise<void> {
    checkBytes(value, 'value');
    return this.#run('SCardSetAttrib', options, (channel, cancel) =>
      channel.setAttribute(id, value, cancel?.native),
    );
  }

  /** SCardReconnect: changes how the card is connected, or resets it. */
  reconnect(options: ReconnectOptions = {}): Promise<void> {
    const { parameters } = this.#connection;
    if (options.shareMode !== undefined) parameters.shareMode = shareModeNumber(options.shareMode);
    if (options.protocols !== undefined) parameters.protocols = protocolBits(options.protocols);
    const initialization = dispositionNumber(options.initialization ?? 'leave');
    return this.#run('SCardReconnect', options, async (channel, cancel) => {
      const { shareMode, protocols } = parameters;
      this.#connection.protocol = await channel.reconnect(
        shareMode,
        protocols,
        initialization,
        cancel?.native,
      );
    });
  }

  /**
   * Runs the callback while the card is ours alone (SCardBeginTransaction ... SCardEndTransaction). Waiting
   * for the card is in order of arrival within the process, ends with `timeout` or `signal`, and blocks
   * nobody. A callback that throws resets the card.
   */
  async transaction<T>(
    callback: (transaction: Transaction) => Promise<T> | T,
    options: TransactionOptions = {},
  ): Promise<T> {
    if (this.#transactions.heldByCaller) {
      throw new Error(
        `A transaction on "${this.reader}" within a transaction on the same card would wait for itself: ` +
          'use the transaction that the callback was given.',
      );
    }
    const { disposition = 'leave' } = options;
    dispositionNumber(disposition);
    let channel: NativeChannel | undefined;
    const begun = await this.#run(
      'SCardBeginTransaction',
      options,
      async (free, cancel) => {
        channel = free;
        return free.begin(cancel?.native);
      },
      this.#transactions,
    );
    const open = channel as unknown as NativeChannel;
    const { reader } = this;
    const transaction = new Transaction({
      channel: open,
      reader,
      cardWasReset: begun.cardWasReset,
      disposition,
    });
    try {
      return await this.#transactions.hold(() =>
        runTransaction(transaction, callback, (how) => open.end(how)),
      );
    } catch (error) {
      this.#connection.note(error);
      throw error;
    } finally {
      this.#transactions.leave();
    }
  }

  /** SCardDisconnect with this disposition, and the end of this object. What is under way is cancelled. */
  disconnect(disposition: Disposition = 'leave'): Promise<void> {
    const how = dispositionNumber(disposition);
    if (this.#closed === undefined) {
      this.#onClose(this);
      this.#closed = this.#connection.close(how);
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

  /** Runs an operation on the connection, in its place in `line` if one is given (and kept if it succeeds). */
  async #run<T>(
    name: string,
    options: WaitOptions | undefined,
    operation: (channel: NativeChannel, cancel: Cancellation | undefined) => Promise<T>,
    line?: Line,
  ): Promise<T> {
    if (this.#closed) throw closedError('Card');
    return waitFor(name, this.reader, options, async (cancel) => {
      await line?.enter(cancel);
      try {
        return await this.#connection.use(cancel, (channel) => operation(channel, cancel));
      } catch (error) {
        line?.leave();
        throw this.#closed ? closedError('Card') : error;
      }
    });
  }
}
