/** A transaction: the card is ours alone until it ends. */

import type { CommandApdu, ResponseApdu } from '../apdu/index.js';
import { noWait, type TransactionActivity, type Waited } from '../diagnostics/activity.js';
import { traced } from '../diagnostics/trace.js';
import { closedError, idleError, TimeoutError, traceToCaller } from '../errors.js';
import { CardStates, type NativeConnection, type NativeWaits } from '../native/addon.js';
import { type Cancellation, checkWaitOptions, type WaitOptions, waitFor } from '../support/cancellation.js';
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
import { PreparedCommand } from './exchange.js';
import { type IdleOptions, IdleTimer } from './idle-timer.js';

/**
 * Milliseconds that the end of a transaction may take: the error of a callback waits no longer for it. It takes some
 * milliseconds, but the service may hang. The transaction ends all the same when the service goes on.
 */
const endPatience = 1000;

/**
 * How to wait for the card, and what becomes of it at the end. With a `timeout` the end of the transaction is limited, too: to
 * that time, or a second if that is longer.
 */
export interface TransactionOptions extends WaitOptions, IdleOptions {
  /** After a callback that ends well; 'leave' unless given. One that throws always resets the card. */
  disposition?: Disposition | undefined;
}

/** What SCardStatus says. */
export interface CardStatus {
  state: (typeof CardStates)[number];
  protocol: Protocol | undefined;
  /** Answer to reset (ISO 7816-3), 2 to 33 bytes. */
  atr: Uint8Array;
}

/** What a transaction is made from. */
export interface TransactionParts {
  connection: NativeConnection;
  reader: string;
  cardWasReset: boolean;
  waited: NativeWaits | undefined;
  disposition: Disposition;
  lookup?: (() => CacheLookup) | undefined;
}

/** Given to the callback of `card.transaction` and `session.transaction`; ends with it. */
export class Transaction {
  readonly reader: string;
  /** Somebody reset the card before we got it: what was selected or verified before is forgotten. */
  readonly cardWasReset: boolean;
  /** How long this transaction waited for the card, and for whom. */
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

  /** How the card was found, if it came through the card cache. */
  get lookup(): CacheLookup | undefined {
    return this.#lookup?.();
  }

  /** What becomes of the card when the callback ends well; may be changed during the transaction. */
  get disposition(): Disposition {
    return this.#disposition;
  }

  set disposition(disposition: Disposition) {
    dispositionNumber(disposition);
    this.#disposition = disposition;
  }

  /**
   * SCardTransmit: sends a command APDU (4 to 65,544 bytes) and gives the response, status word included.
   * Aborting a transmit ends the transaction: what the card made of the command cannot be known. The APDU is
   * read when its turn comes: leave it as it is until then.
   */
  async transmit(apdu: Uint8Array, options?: WaitOptions): Promise<Uint8Array> {
    const connection = this.#connectionInUse();
    checkApdu(apdu);
    return await this.#use('SCardTransmit', options, (cancel) =>
      traced(this.reader, apdu, () => connection.transmit(apdu, cancel?.native)),
    );
  }

  /**
   * SCardTransmit of a command and of what it takes to get its whole response (ISO/IEC 7816-4, 5.3): a long
   * command goes as a chain unless it is marked extended, 61xx is answered with GET RESPONSE, 6Cxx with the right
   * Le, but a command that carries a PIN or a key is sent once. All of it in one trip, for up to 1,024 pieces. Error MalformedApduError
   * where the bytes are not an APDU.
   */
  async exchange(command: CommandApdu | Uint8Array, options?: WaitOptions): Promise<ResponseApdu> {
    const connection = this.#connectionInUse();
    const prepared = new PreparedCommand(command);
    try {
      return await this.#use('SCardTransmit', options, (cancel) =>
        prepared.send(connection, this.reader, cancel?.native),
      );
    } finally {
      prepared.wipe();
    }
  }

  /** SCardStatus. */
  async status(options?: WaitOptions): Promise<CardStatus> {
    const connection = this.#connectionInUse();
    return this.#use('SCardStatus', options, (cancel) => readStatus(connection, cancel?.native));
  }

  /** SCardControl; `code` is the platform's own: `controlCode(1)`, or one of `readFeatures(card)`. */
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

  /** SCardGetAttrib: `'vendorName'`, or any other of `Attributes`, or a number. */
  async getAttribute(attribute: Attribute, options?: WaitOptions): Promise<Uint8Array> {
    const connection = this.#connectionInUse();
    const id = attributeNumber(attribute);
    return this.#use('SCardGetAttrib', options, (cancel) => connection.getAttribute(id, cancel?.native));
  }

  /** @internal From here on every use is an error. */
  seal(error: () => Error = () => closedError('Transaction')): void {
    this.#sealed ??= error;
    this.#idleTimer?.stop();
  }

  /** @internal Rejects when the transaction has rested for too long; sealed then. Undefined if nothing is to be watched. */
  watchIdle(options: IdleOptions): Promise<never> | undefined {
    const { idleTimeout } = options;
    if (idleTimeout === undefined && !options.keepAlive) return undefined;
    return new Promise((_, reject) => {
      const onIdle = () => {
        const error = idleError(this.reader, idleTimeout ?? 0);
        this.seal(() => error);
        reject(error);
      };
      // Whatever is wrong with the card, the next use finds out.
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
 * Runs the callback in a transaction that has begun, and ends it: with its disposition when the callback
 * ends well, with a reset when it throws or is forgotten.
 */
export async function runTransaction<T>(
  transaction: Transaction,
  callback: (transaction: Transaction) => Promise<T> | T,
  end: (disposition: number) => Promise<void>,
  options: TransactionOptions,
  activity: TransactionActivity,
): Promise<T> {
  activity.begun(transaction);
  let result: T;
  try {
    const forgotten = transaction.watchIdle(options);
    const use = callback(transaction);
    result = await (forgotten === undefined ? use : Promise.race([use, forgotten]));
    transaction.seal();
  } catch (error) {
    transaction.seal();
    // The callback's error is the one to tell; a card that cannot be reset any more has gone.
    await within(
      endPatience,
      end(dispositionNumber('reset')).catch(() => {}),
    );
    activity.ended(error);
    throw error;
  }
  try {
    const { timeout } = checkWaitOptions(options);
    const limit = timeout === undefined ? undefined : Math.max(timeout, endPatience);
    const ending = end(dispositionNumber(transaction.disposition));
    if (!(await within(limit, ending))) {
      throw new TimeoutError('SCardEndTransaction', transaction.reader, limit);
    }
  } catch (error) {
    activity.ended(error);
    throw error;
  }
  activity.ended();
  return result;
}

/** Waits for the promise, for this time at most. True if it was fulfilled. */
async function within(ms: number | undefined, promise: Promise<void>): Promise<boolean> {
  if (ms === undefined) {
    await promise;
    return true;
  }
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([promise.then(() => true), over]);
  } finally {
    clearTimeout(timer);
  }
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
