/** One command and its whole response, in one native call. */
import { blocksOf } from '../apdu/chaining.js';
import { type CommandApdu, ResponseApdu } from '../apdu/index.js';
import { traced } from '../diagnostics/trace.js';
import type { NativeCancel, NativeConnection } from '../native/types.js';

/** The APDUs of a command. They are encoded before the call waits, so that a malformed command fails at once. */
export class PreparedCommand {
  readonly #command: CommandApdu | Uint8Array;
  readonly #blocks: Uint8Array[];
  readonly #getResponseClass: number;

  /** @throws {MalformedApduError} The bytes are not an APDU. */
  constructor(command: CommandApdu | Uint8Array) {
    this.#command = command;
    const blocks = blocksOf(command);
    this.#blocks = blocks.map((block) => block.encode());
    this.#getResponseClass = blocks.at(-1)?.class.forGetResponse() ?? 0;
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
