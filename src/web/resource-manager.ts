/** SmartCardResourceManager: the entry point. */
import { type CardOwner, cardOwner, systemIdentity } from '../identity/session-identity.js';
import { native } from '../native/addon.js';
import { SmartCardContext } from './context.js';
import { exceptionOf } from './error.js';
import { checkConstructor, internal } from './webidl.js';

/** The entry point (the specification's SmartCardResourceManager): `smartCard`, in Chrome `navigator.smartCard`. */
export class SmartCardResourceManager {
  /** The terminal session of this process, as the owner of all cards; undefined until the first context. */
  #owner: CardOwner | undefined;

  /** @internal Use `smartCard`. */
  constructor(key: symbol) {
    checkConstructor(key);
  }

  /**
   * Establishes a context (SCardEstablishContext).
   *
   * @throws {SmartCardError} `no-service` if the PC/SC service does not run.
   */
  async establishContext(): Promise<SmartCardContext> {
    try {
      await native.listReaders([]);
      this.#owner ??= cardOwner(systemIdentity(await native.sessionOf(0)), true, true);
    } catch (error) {
      throw exceptionOf(error);
    }
    return new SmartCardContext(internal, this.#owner);
  }

  get [Symbol.toStringTag](): string {
    return 'SmartCardResourceManager';
  }
}

/** What `navigator.smartCard` is in Chrome: always the same object. */
export const smartCard = new SmartCardResourceManager(internal);
