/** SmartCardContext: readers and connections. */
import type { CardOwner } from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { ShareModes } from '../native/numbers.js';
import { CardHandle } from './card-handle.js';
import { SmartCardConnection } from './connection.js';
import { ContextState } from './context-state.js';
import { protocolBits, protocolOf } from './protocols.js';
import { noteReaders } from './reader-events.js';
import { waitForStatusChange } from './status-change.js';
import type {
  SmartCardAccessMode,
  SmartCardConnectOptions,
  SmartCardGetStatusChangeOptions,
  SmartCardProtocol,
  SmartCardReaderStateIn,
  SmartCardReaderStateOut,
} from './types.js';
import {
  checkConstructor,
  internal,
  toDictionary,
  toKey,
  toMilliseconds,
  toSequence,
  toSignal,
} from './webidl.js';

/** What `context.connect` returns. */
export interface SmartCardConnectResult {
  connection: SmartCardConnection;
  /** The active protocol; absent if there is none, as on a direct connection. */
  activeProtocol?: SmartCardProtocol;
}

/**
 * Readers and connections of one context (the specification's SmartCardContext). `smartCard.establishContext` returns
 * it. It holds no PC/SC context: each connection has its own, and questions about readers share one per process.
 *
 * Every method rejects with InvalidStateError while another operation of the context or of its connections runs, with
 * TypeError if an argument is invalid, and otherwise with the exception that corresponds to the code of its PC/SC
 * function: a SmartCardError, or a DOMException.
 */
export class SmartCardContext {
  readonly #state = new ContextState();
  readonly #owner: CardOwner;

  /** @internal Use `smartCard.establishContext`. */
  constructor(key: symbol, owner: CardOwner) {
    checkConstructor(key);
    this.#owner = owner;
  }

  /**
   * Returns the names of the readers (SCardListReaders).
   *
   * @returns An empty array if there is no reader.
   */
  async listReaders(): Promise<string[]> {
    this.#state.checkIdle();
    const names = await this.#state.run(() => native.listReaders([]));
    noteReaders(names);
    return names;
  }

  /**
   * Waits until a reader is not as the caller knows it (SCardGetStatusChange), by the rules of pcsc-lite. The pseudo
   * reader `\\?PnP?\Notification` stands for all readers that come and go.
   *
   * @param readerStates - The readers, and what the caller knows of each. It returns at once if this is empty.
   * @returns The present state of each reader, in the same order.
   * @throws {SmartCardError} `unknown-reader` if there is no reader of that name. A reader that is removed during the
   *   wait has the flags `unknown` and `unavailable` instead.
   * @throws {DOMException} UnknownError if `timeout` has passed (SCARD_E_TIMEOUT).
   * @throws {unknown} The reason of the signal.
   */
  async getStatusChange(
    readerStates: Iterable<SmartCardReaderStateIn>,
    options?: SmartCardGetStatusChangeOptions,
  ): Promise<SmartCardReaderStateOut[]> {
    const states = toSequence(readerStates, 'readerStates').map(toStateIn);
    const { timeout, signal: given } = toDictionary(options, 'options');
    const limit = timeout === undefined ? undefined : toMilliseconds(timeout, 'timeout');
    const signal = toSignal(given);
    this.#state.checkIdle();
    signal?.throwIfAborted();
    return this.#state.run(() => waitForStatusChange(states, limit, signal));
  }

  /**
   * Connects to the card in a reader, or to the reader itself (SCardConnect), on its own PC/SC context.
   *
   * @param readerName - The name of the reader, as `listReaders()` returns it.
   * @param accessMode - How the card is shared with other programs. 'direct' connects to the reader, with or without a
   *   card.
   */
  async connect(
    readerName: string,
    accessMode: SmartCardAccessMode,
    options?: SmartCardConnectOptions,
  ): Promise<SmartCardConnectResult> {
    const reader = String(readerName);
    const shareMode = ShareModes[toKey(ShareModes, accessMode, 'accessMode')];
    const { preferredProtocols } = toDictionary(options, 'options');
    const protocols =
      preferredProtocols === undefined
        ? 0
        : protocolBits(toSequence(preferredProtocols, 'preferredProtocols'));
    const state = this.#state;
    state.checkIdle();
    state.checkReader(reader);
    const owner = this.#owner.native;
    const handle = await state.run(() => CardHandle.connect({ owner, reader, shareMode, protocols }));
    const connection = new SmartCardConnection(internal, state, handle);
    const activeProtocol = protocolOf(handle.protocol);
    return activeProtocol === undefined ? { connection } : { connection, activeProtocol };
  }

  get [Symbol.toStringTag](): string {
    return 'SmartCardContext';
  }
}

/** A copy of the dictionary: the caller may change its own during the wait. */
function toStateIn(value: SmartCardReaderStateIn): SmartCardReaderStateIn {
  const { readerName, currentState, currentCount } = toDictionary(value, 'a reader state');
  if (readerName === undefined) throw new TypeError('a reader state needs a readerName');
  if (currentState === undefined) throw new TypeError('a reader state needs a currentState');
  return {
    readerName: String(readerName),
    currentState: { ...toDictionary(currentState, 'currentState') },
    currentCount: Number(currentCount ?? 0),
  };
}
