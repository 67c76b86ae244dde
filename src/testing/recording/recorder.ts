import { encodeCommand } from '../../apdu/command.js';
import { type CommandApdu, formatCommand, type ResponseApdu, toHex } from '../../apdu/index.js';
import type { CardRecording, RecordedExchange } from './recording.js';

/** What the recorder needs of a card. `Card` and `Transaction` have it. */
export interface RecordableCard {
  transmit(apdu: Uint8Array, options?: object): Promise<Uint8Array>;
  exchange(command: CommandApdu | Uint8Array, options?: object): Promise<ResponseApdu>;
}

/**
 * Sends commands to a card and records them with their responses. It takes the place of the card in the code that is
 * recorded:
 *
 * ```ts
 * const recording = await session.transaction(reader, async (tx) => {
 *   const recorder = new CardRecorder(tx);
 *   await readMyCard(recorder);
 *   return recorder.recording;
 * });
 * await writeFile('my-card.json', JSON.stringify(recording, null, 2));
 * ```
 *
 * A command that carries a PIN or a key is recorded without it. Responses are recorded as they are: do not publish a
 * recording of a person's card. A command that fails without a response (PcscError) is not recorded.
 */
export class CardRecorder implements RecordableCard {
  readonly #card: RecordableCard;
  readonly #atr: Uint8Array | undefined;
  readonly #exchanges: RecordedExchange[] = [];

  /**
   * @param card - The card, or a transaction on it.
   * @param atr - The ATR to keep in the recording, as from `card.status()`.
   */
  constructor(card: RecordableCard, atr?: Uint8Array) {
    this.#card = card;
    this.#atr = atr;
  }

  /** What was recorded so far, as a copy. */
  get recording(): CardRecording {
    return {
      schema: 1,
      ...(this.#atr && { atr: toHex(this.#atr, ' ') }),
      exchanges: this.#exchanges.map((exchange) => ({ ...exchange })),
    };
  }

  /** Sends a command APDU, as `card.transmit` does, and records it. */
  async transmit(apdu: Uint8Array, options?: object): Promise<Uint8Array> {
    const command = formatCommand(apdu);
    const response = await this.#card.transmit(apdu, options);
    this.#exchanges.push({ command, response: toHex(response, ' ') });
    return response;
  }

  /** Sends a command, as `card.exchange` does, and records it as one exchange with its whole response. */
  async exchange(command: CommandApdu | Uint8Array, options?: object): Promise<ResponseApdu> {
    const text = formatCommand(encodeCommand(command));
    const response = await this.#card.exchange(command, options);
    const { sw1, sw2, data } = response;
    this.#exchanges.push({ command: text, response: toHex(Uint8Array.of(...data, sw1, sw2), ' ') });
    return response;
  }
}
