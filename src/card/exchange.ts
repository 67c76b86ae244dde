/** One command and its whole response, in one native call. */
import { blocksOf, classForGetResponse } from '../apdu/chaining.js';
import { type CommandApdu, type ExchangeOptions, ResponseApdu } from '../apdu/index.js';
import { traced } from '../diagnostics/trace.js';
import type { NativeCancel, NativeConnection } from '../native/types.js';
import type { WaitOptions } from '../support/cancellation.js';

/** Options of `card.exchange`. The core knows the protocol itself. */
export type CardExchangeOptions = WaitOptions & Pick<ExchangeOptions, 'getResponseClass'>;

/** The APDUs of a command. They are encoded before the call waits, so that a malformed command fails at once. */
export class PreparedCommand {
  readonly #command: CommandApdu | Uint8Array;
  readonly #blocks: Uint8Array[];
  readonly #getResponseClass: number;

  /**
   * @throws {MalformedApduError} The bytes are not an APDU.
   * @throws {RangeError} `getResponseClass` is not a class.
   */
  constructor(command: CommandApdu | Uint8Array, options: CardExchangeOptions | undefined) {
    this.#command = command;
    const blocks = blocksOf(command);
    this.#getResponseClass = classForGetResponse(blocks.at(-1) as CommandApdu, options?.getResponseClass);
    this.#blocks = blocks.map((block) => block.encode());
  }

  /** Sends the command. Call it once. */
  async send(
    connection: NativeConnection,
    reader: string,
    cancel: NativeCancel | undefined,
  ): Promise<ResponseApdu> {
    const response = await traced(reader, this.#command, () =>
      connection.exchange(this.#blocks, this.#getResponseClass, cancel),
    );
    return ResponseApdu.parse(response);
  }

  /** Wipes the encoded copies. */
  wipe(): void {
    for (const block of this.#blocks) block.fill(0);
  }
}
