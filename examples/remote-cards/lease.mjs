/**
 * What a host does for one lease: it holds a transaction on the card from `begun` until the client ends the lease, or
 * does not renew it in time, or another lease of the card begins. The card is reset at the end, so no PIN stays verified.
 */
import { readerOf } from './server.mjs';

/**
 * @typedef {object} Claim
 * @property {string} id the client's name for the lease
 * @property {string} user
 * @property {number} revision of its entry in the bucket: a later lease has a greater one
 * @property {Date} created
 */

export class Lease {
  #over = new AbortController();
  #ttl;
  /** @type {import('pcsc-bridge').Transaction | undefined} */
  #card;
  /** @type {NodeJS.Timeout | undefined} */
  #timer;
  /** @type {Promise<void>} Resolves when the card is free again, whatever happened. */
  ended = Promise.resolve();

  /**
   * @param {import('pcsc-bridge').CardBridge} bridge
   * @param {string} token of the reader
   * @param {Claim} claim
   * @param {number} ttl milliseconds that the lease lasts without a renewal
   * @param {Lease | undefined} previous the lease of the same reader that this one replaces
   */
  constructor(bridge, token, claim, ttl, previous) {
    this.claim = claim;
    this.#ttl = ttl;
    this.renew();
    previous?.end(`${claim.user} has a later lease`);
    /** @type {Promise<void>} Resolves when the card is held. Rejects if it cannot be had. */
    this.begun = new Promise((begun, failed) => {
      this.ended = this.#hold(bridge, readerOf(token), begun, previous?.ended).catch(failed);
    });
    this.begun.catch(() => {}); // the request begin reports it
  }

  /**
   * @param {import('pcsc-bridge').CardBridge} bridge
   * @param {string} reader
   * @param {() => void} begun
   * @param {Promise<void>} [before]
   */
  async #hold(bridge, reader, begun, before) {
    const { signal } = this.#over;
    /** @type {import('pcsc-bridge').SessionContext | undefined} */
    let session;
    try {
      await before;
      // A session of its own: no lease gets a card handle of another one.
      const { revision, created } = this.claim;
      session = await bridge.openSession({ id: revision, connectTime: BigInt(created.getTime()) });
      await session.transaction(
        reader,
        async (card) => {
          this.#card = card;
          begun();
          if (!signal.aborted) await new Promise((over) => signal.addEventListener('abort', over));
        },
        { signal, disposition: 'reset' },
      );
    } finally {
      this.end('it has ended');
      await session?.close();
    }
  }

  /** Lasts another `ttl`. */
  renew() {
    clearTimeout(this.#timer);
    if (this.#over.signal.aborted) return;
    this.#timer = setTimeout(() => this.end('it was not renewed'), this.#ttl);
  }

  /** @param {Uint8Array} apdu */
  async transmit(apdu) {
    if (!this.#card) throw new Error('the card is not held yet: wait for the answer to begin');
    return this.#card.transmit(apdu, { signal: this.#over.signal });
  }

  /** Later calls do nothing. @param {string} reason */
  end(reason) {
    clearTimeout(this.#timer);
    this.#over.abort(new Error(`the lease has ended: ${reason}`));
  }
}
