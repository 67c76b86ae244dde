/** A transaction: exclusive use of a card until it ends. */

import type { CommandApdu, ResponseApdu } from '../apdu/index.js';
import { noWait, type Waited } from '../diagnostics/activity.js';
import { traced } from '../diagnostics/trace.js';
import { closedError, idleError, traceToCaller } from '../errors.js';
import { CardStates } from '../native/numbers.js';
import type { NativeConnection, NativeWaits } from '../native/types.js';
import { type Cancellation, type WaitOptions, waitFor } from '../support/cancellation.js';
import {
  checkApdu,
  checkBytes,
  checkNumber,
  type Disposition,
  dispositionNumber,
  type Protocol,
  protocolName,
} from '../support/validation.js';
import { type Attribute, attributeNumber } from './attributes.js';
import type { CacheLookup } from './cache-lookup.js';
import { type CardExchangeOptions, PreparedCommand } from './exchange.js';
import { type IdleOptions, IdleTimer } from './idle-timer.js';
import { endTransaction, resetTransaction, type TransactionEnd } from './transaction-end.js';

/**
 * Options of a transaction. `timeout` and `signal` limit the wait for the card. They limit SCardEndTransaction too, which
 * has at least 1000 ms: from its beginning, and from the moment when the signal aborts.
 */
export interface TransactionOptions extends WaitOptions, IdleOptions {
  /**
   * What happens to the card after a callback that succeeds (SCardEndTransaction, dwDisposition). If the callback
   * throws, the card is always reset.
   * @default 'leave'
   */
  disposition?: Disposition | undefined;
}

/** What SCardStatus returns. */
export interface CardStatus {
  /** The state of the card (SCardStatus, pdwState). */
  state: (typeof CardStates)[number];
  /** The active protocol; undefined if there is none. */
  protocol: Protocol | undefined;
  /** Answer to reset (ISO 7816-3), 2 to 33 bytes. */
  atr: Uint8Array;
}

/** The parts of a transaction. */
export interface TransactionParts {
  connection: NativeConnection;
  reader: string;
  cardWasReset: boolean;
  waited: NativeWaits | undefined;
  disposition: Disposition;
  lookup?: (() => CacheLookup) | undefined;
}

/**
 * A running transaction. The callback of `card.transaction` and `session.transaction` receives it, and it ends with the
 * callback.
 *
 * Every operation rejects with PcscError: the codes of its PC/SC function, BRIDGE_E_CLOSED after the end of the
 * transaction, and BRIDGE_E_ABANDONED after an operation that was given up inside PC/SC (timeout, abort). It rejects
 * with TimeoutError or AbortError if `timeout` or `signal` ended it, and with TypeError or RangeError if an argument is
 * invalid.
 */
export class Transaction {
  /** The name of the reader. */
  readonly reader: string;
  /** True if the card was reset before the transaction began: no application is selected, and no PIN is verified. */
  readonly cardWasReset: boolean;
  /** How long the transaction waited for the card, and for which programs. */
  readonly waited: Readonly<Waited>;
  #disposition: Disposition;
  readonly #connection: NativeConnection;
  readonly #lookup: (() => CacheLookup) | undefined;
  #sealed: (() => Error) | undefined;
  #idleTimer: IdleTimer | undefined;

  /** @internal */
  constructor(parts: TransactionParts) {
    this.#connection = parts.connection;
    this.reader = parts.reader;
    this.cardWasReset = parts.cardWasReset;
    this.waited = waitedOf(parts.waited);
    this.#disposition = parts.disposition;
    this.#lookup = parts.lookup;
  }

  /** How the card cache found the card; undefined for `card.transaction`. */
  get lookup(): CacheLookup | undefined {
    return this.#lookup?.();
  }

  /**
   * What happens to the card after a callback that succeeds. It may be changed during the transaction.
   *
   * @throws {TypeError} It is set to an unknown disposition.
   */
  get disposition(): Disposition {
    return this.#disposition;
  }

  set disposition(disposition: Disposition) {
    dispositionNumber(disposition);
    this.#disposition = disposition;
  }

  /**
   * Sends a command APDU and returns the response, including its status word (SCardTransmit). An aborted transmit ends
   * the transaction, because it is unknown whether the card executed the command.
   *
   * @param apdu - 4 to 65,544 bytes. Do not change them until the promise settles. They are not wiped: if they carry a
   *   PIN, wipe them then.
   * @throws {RangeError} The APDU is too short or too long.
   */
  async transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const connection = this.#connectionInUse();
    checkApdu(apdu);
    return await this.#use('SCardTransmit', options, (cancel) =>
      traced(this.reader, apdu, () => connection.transmit(apdu, 0, cancel?.native)),
    );
  }

  /**
   * Sends a command and returns its whole response (SCardTransmit; ISO/IEC 7816-4, 5.3). A long command is sent as a
   * chain unless it is marked extended. 61xx is answered with GET RESPONSE, 6Cxx with the correct Le. A command that
   * carries a PIN or a key or has secure messaging is sent only once. Over T=0 commands are short, and those with data
   * go without Le. A response may come in up to 1,024 pieces.
   *
   * @throws {MalformedApduError} The bytes are not an APDU.
   * @throws {PcscError} SCARD_E_INVALID_PARAMETER: T=0 cannot carry the extended command.
   */
  async exchange(command: CommandApdu | Uint8Array, options?: CardExchangeOptions): Promise<ResponseApdu> {
    const connection = this.#connectionInUse();
    const prepared = new PreparedCommand(command, options);
    try {
      return await this.#use('SCardTransmit', options, (cancel) =>
        prepared.send(connection, this.reader, cancel?.native),
      );
    } finally {
      prepared.wipe();
    }
  }

  /** Returns the state, protocol and ATR of the card (SCardStatus). */
  async status(options?: WaitOptions): Promise<CardStatus> {
    const connection = this.#connectionInUse();
    return this.#use('SCardStatus', options, (cancel) => readStatus(connection, cancel?.native));
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
    const connection = this.#connectionInUse();
    checkNumber(code, 'code');
    checkBytes(input, 'input');
    return this.#use('SCardControl', options, (cancel) => connection.control(code, input, cancel?.native));
  }

  /**
   * Reads an attribute of the reader or card (SCardGetAttrib).
   *
   * @param attribute - A key of `Attributes`, such as `'vendorName'`, or the number of an attribute.
   * @returns The bytes as the driver returns them.
   */
  async getAttribute(attribute: Attribute, options?: WaitOptions): Promise<Uint8Array> {
    const connection = this.#connectionInUse();
    const id = attributeNumber(attribute);
    return this.#use('SCardGetAttrib', options, (cancel) => connection.getAttribute(id, cancel?.native));
  }

  /** @internal Ends the use of this object. Every later operation throws this error. */
  seal(error: () => Error = () => closedError('Transaction')): void {
    this.#sealed ??= error;
    this.#idleTimer?.stop();
  }

  /**
   * @internal Rejects when the transaction has been idle for `idleTimeout`, and seals it. Undefined if no idle option
   *   is set.
   */
  watchIdle(options: IdleOptions): Promise<never> | undefined {
    const { idleTimeout } = options;
    if (idleTimeout === undefined && !options.keepAlive) return undefined;
    return new Promise((_, reject) => {
      const onIdle = () => {
        const error = idleError(this.reader, idleTimeout ?? 0);
        this.seal(() => error);
        reject(error);
      };
      // If the card fails, the next use reports it.
      const onKeepAlive = () => void this.#connection.status().catch(() => {});
      this.#idleTimer = new IdleTimer(options, onIdle, onKeepAlive);
    });
  }

  #connectionInUse(): NativeConnection {
    if (this.#sealed) throw this.#sealed();
    return this.#connection;
  }

  async #use<T>(
    name: string,
    options: WaitOptions | undefined,
    operation: (cancel?: Cancellation) => Promise<T>,
  ): Promise<T> {
    const use = () => waitFor(name, this.reader, options, operation);
    try {
      return await (this.#idleTimer ? this.#idleTimer.during(use) : use());
    } catch (error) {
      throw traceToCaller(error);
    }
  }
}

/**
 * Runs the callback in a transaction that has begun, and ends it: with its disposition if the callback succeeds, with a
 * reset if the callback throws or the transaction is idle for too long.
 */
export async function runTransaction<T>(
  transaction: Transaction,
  callback: (transaction: Transaction) => Promise<T> | T,
  options: TransactionOptions,
  end: TransactionEnd,
): Promise<T> {
  end.activity.begun(transaction);
  let result: T;
  try {
    const forgotten = transaction.watchIdle(options);
    const use = callback(transaction);
    result = await (forgotten === undefined ? use : Promise.race([use, forgotten]));
    transaction.seal();
  } catch (error) {
    transaction.seal();
    await resetTransaction(end, error);
    throw error;
  }
  await endTransaction(end, transaction.disposition);
  return result;
}

function waitedOf(waits: NativeWaits | undefined): Waited {
  return waits ? { ms: waits.thisProcess + waits.otherProcesses, ...waits } : noWait;
}

export async function readStatus(
  connection: NativeConnection,
  ...cancel: Parameters<NativeConnection['status']>
): Promise<CardStatus> {
  const { state, protocol, atr } = await connection.status(...cancel);
  return { state: CardStates[state] ?? 'unknown', protocol: protocolName(protocol), atr };
}
