/** The state of one context: whether an operation runs, and which connections hold a transaction. */
import { exceptionOf, invalidState } from './error.js';

/**
 * One operation at a time (the specification's [[operationInProgress]]), and one transaction per reader
 * ([[activeReaderTransactions]]). A second operation is rejected; only the end of a transaction waits.
 */
export class ContextState {
  #busy = false;
  /** Ends of transactions that wait for the running operation. */
  readonly #ends: (() => void)[] = [];
  readonly #transactions = new Map<string, object>();

  /** True while an operation runs. */
  get busy(): boolean {
    return this.#busy;
  }

  /** @throws {DOMException} InvalidStateError: an operation runs. */
  checkIdle(): void {
    if (this.#busy) throw invalidState('An operation is in progress in this context');
  }

  /** @throws {DOMException} InvalidStateError: a connection other than `own` holds a transaction on the reader. */
  checkReader(reader: string, own?: object): void {
    const holder = this.#transactions.get(reader);
    if (holder !== undefined && holder !== own) {
      throw invalidState('A transaction is active on this reader in this context');
    }
  }

  /**
   * Runs an operation. Call `checkIdle` first.
   *
   * @throws {DOMException | TypeError} The exception that corresponds to the PC/SC code.
   */
  async run<T>(operation: () => Promise<T>): Promise<T> {
    this.#busy = true;
    try {
      return await operation();
    } catch (error) {
      throw exceptionOf(error);
    } finally {
      this.#leave();
    }
  }

  /** Runs the end of a transaction: after the running operation, and before any other one. */
  async runEnd(operation: () => Promise<void>): Promise<void> {
    if (this.#busy) await new Promise<void>((resolve) => this.#ends.push(resolve));
    await this.run(operation);
  }

  /** The connection has begun a transaction on the reader. */
  beginTransaction(reader: string, connection: object): void {
    this.#transactions.set(reader, connection);
  }

  /** The transaction on the reader has ended. */
  endTransaction(reader: string): void {
    this.#transactions.delete(reader);
  }

  /** The context stays busy if the end of a transaction is next. */
  #leave(): void {
    const end = this.#ends.shift();
    if (end) end();
    else this.#busy = false;
  }
}
