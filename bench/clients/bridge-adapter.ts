/** This library behind the interface that all libraries are measured by. */
import { readFileSync } from 'node:fs';
import { type Card, CardBridge, PcscError, type Transaction } from 'pcsc-bridge';
import type { Adapter, AdapterCard } from './adapter.js';

export const bridge = new CardBridge();
export const session = await bridge.openSession({
  id: 1,
  connectTime: 1n,
  // The other contender has the card, too.
  unknownLastUser: 'trust',
});

/** Connects; a card that was just inserted is seen at the daemon's next look. */
export async function connect(reader: string): Promise<Card> {
  const until = performance.now() + 10_000;
  for (;;) {
    try {
      return await session.connect(reader);
    } catch (error) {
      const absent =
        error instanceof PcscError && ['SCARD_E_NO_SMARTCARD', 'SCARD_W_REMOVED_CARD'].includes(error.code);
      if (!absent || performance.now() > until) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

class BridgeCard implements AdapterCard {
  #transaction: Transaction | undefined;
  #end: (() => void) | undefined;
  #ended: Promise<void> | undefined;

  constructor(readonly card: Card) {}

  transmit(apdu: Uint8Array): Promise<Uint8Array> {
    return (this.#transaction ?? this.card).transmit(apdu);
  }

  async exchange(apdu: Uint8Array): Promise<{ length: number }> {
    const { data } = await (this.#transaction ?? this.card).exchange(apdu);
    return { length: data.length };
  }

  /** The callback of a transaction, held open until `end`. */
  begin(): Promise<void> {
    return new Promise((begun, failed) => {
      this.#ended = this.card.transaction((transaction) => {
        this.#transaction = transaction;
        begun();
        return new Promise<void>((end) => {
          this.#end = end;
        });
      });
      this.#ended.catch(failed);
    });
  }

  async end(): Promise<void> {
    this.#end?.();
    this.#transaction = undefined;
    await this.#ended;
  }
}

const about = JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'));

export const adapter: Adapter = {
  open: async (reader) => new BridgeCard(await connect(reader)),
  version: (about as { version: string }).version,
};
