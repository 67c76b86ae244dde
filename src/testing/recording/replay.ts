import { encodeCommand } from '../../apdu/command.js';
import { type CommandApdu, formatCommand, fromHex, ResponseApdu } from '../../apdu/index.js';
import type { RecordableCard } from './recorder.js';
import type { CardRecording, RecordedExchange } from './recording.js';

/**
 * - REPLAY_MISMATCH: another command was recorded at this place
 * - REPLAY_ENDED: the recording has no more commands
 * - REPLAY_UNFINISHED: the recording has commands that were not sent (`checkFinished`)
 */
export type ReplayErrorCode = 'REPLAY_MISMATCH' | 'REPLAY_ENDED' | 'REPLAY_UNFINISHED';

/** The code under test does not send the recorded commands. PINs and keys are masked in the message. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError';

  constructor(
    readonly code: ReplayErrorCode,
    /** The place in the recording, from 0. */
    readonly index: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * A card that gives the responses of a recording, without a reader, a service or the addon:
 *
 * ```ts
 * const card = new ReplayedCard(JSON.parse(await readFile('my-card.json', 'utf8')));
 * expect(await readMyCard(card)).toEqual({ ... });
 * card.checkFinished();
 * ```
 *
 * The commands must be those of the recording, in its order; where the recording has `**`, any byte will do. So a
 * command with random bytes, as for a challenge, cannot be replayed: let the test set them.
 */
export class ReplayedCard implements RecordableCard {
  /** The recorded ATR (ISO/IEC 7816-3); undefined if there is none. */
  readonly atr: Uint8Array | undefined;
  readonly #exchanges: readonly RecordedExchange[];
  #index = 0;

  /**
   * @param recording - What `CardRecorder` recorded.
   * @throws {TypeError} It is not a recording.
   */
  constructor(recording: CardRecording) {
    this.#exchanges = checkRecording(recording);
    this.atr = recording.atr === undefined ? undefined : fromHex(recording.atr);
  }

  /**
   * Returns the recorded response.
   *
   * @throws {ReplayError} Another command was recorded here, or none.
   */
  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    const index = this.#index;
    const expected = this.#exchanges[index];
    if (expected === undefined) {
      throw new ReplayError(
        'REPLAY_ENDED',
        index,
        `The recording ends after ${index} commands, and then came ${formatCommand(apdu)}`,
      );
    }
    if (!matches(expected.command, apdu)) {
      throw new ReplayError(
        'REPLAY_MISMATCH',
        index,
        `Command ${index} of the recording is ${expected.command}, but ${formatCommand(apdu)} came`,
      );
    }
    this.#index += 1;
    return fromHex(expected.response);
  }

  /**
   * Returns the recorded response.
   *
   * @throws {ReplayError} Another command was recorded here, or none.
   */
  async exchange(command: CommandApdu | Uint8Array): Promise<ResponseApdu> {
    return ResponseApdu.parse(await this.transmit(encodeCommand(command)));
  }

  /** @throws {ReplayError} Not all recorded commands were sent. */
  checkFinished(): void {
    const next = this.#exchanges[this.#index];
    if (next === undefined) return;
    const left = this.#exchanges.length - this.#index;
    throw new ReplayError(
      'REPLAY_UNFINISHED',
      this.#index,
      `${left} of ${this.#exchanges.length} recorded commands were not sent; the next one is ${next.command}`,
    );
  }
}

const anyByte = '**';

function matches(recorded: string, apdu: Uint8Array): boolean {
  const bytes = bytesOf(recorded);
  return (
    bytes.length === apdu.length &&
    bytes.every((byte, i) => byte === anyByte || Number.parseInt(byte, 16) === apdu[i])
  );
}

function bytesOf(text: string): string[] {
  return text.replace(/[\s:]+/g, '').match(/../g) ?? [];
}

function checkRecording(recording: CardRecording): readonly RecordedExchange[] {
  const { schema, exchanges } = (recording ?? {}) as Partial<CardRecording>;
  if (schema !== 1 || !Array.isArray(exchanges)) {
    throw new TypeError('The recording must be an object with "schema": 1 and "exchanges"');
  }
  exchanges.forEach(({ command, response }, index) => {
    const isCommand = typeof command === 'string' && /^(?:[\s:]*(?:[0-9a-f]{2}|\*\*))+\s*$/i.test(command);
    const isResponse = typeof response === 'string' && /^(?:[\s:]*[0-9a-f]{2}){2,}\s*$/i.test(response);
    if (!isCommand || !isResponse) {
      throw new TypeError(
        `Exchange ${index} of the recording must have a command and a response in hexadecimal, ` +
          'and the response ends with a status word of 2 bytes',
      );
    }
  });
  return exchanges;
}
