import { type CommandApdu, fromHex, type ResponseApdu, toHex } from '../../../src/apdu/index.js';
import type { ApduCard } from '../../../src/piv/index.js';
import { CardOs, PivApplet, type PivOptions } from '../../../src/testing/virtual/index.js';

export const PIN = '314159';

/** A PIV card without a reader, some of whose responses can be replaced. */
export class DirectCard implements ApduCard {
  /** The received commands, in hexadecimal. */
  readonly log: string[] = [];
  /** The arrays that were passed to `transmit`. */
  readonly given: Uint8Array[] = [];
  readonly #answers = new Map<string, () => ResponseApdu>();
  readonly #os: CardOs;

  private constructor(readonly piv: PivApplet) {
    const process = (command: CommandApdu) =>
      (this.#answers.get(key(command)) ?? (() => piv.process(command)))();
    this.#os = new CardOs([{ aid: piv.aid, select: () => piv.select(), process, reset: () => piv.reset() }]);
  }

  static async with(options: PivOptions = {}): Promise<DirectCard> {
    return new DirectCard(await PivApplet.create({ pin: PIN, subject: 'Alice', ...options }));
  }

  /** Responds to the instruction (two digits), or to GET DATA for one tag (`CB 5FC105`), with this instead. */
  answer(command: string, response: ResponseApdu): void {
    this.#answers.set(command, () => response);
  }

  async transmit(apdu: Uint8Array): Promise<Uint8Array> {
    this.log.push(toHex(apdu));
    this.given.push(apdu);
    return (await this.#os.process(apdu.slice())).encode();
  }
}

/** Instruction, and the tag for GET DATA. */
function key({ ins, data }: CommandApdu): string {
  const name = toHex(Uint8Array.of(ins));
  return name === 'CB' ? `CB ${toHex(data.subarray(2))}` : name;
}

/** A card without any application. */
export const emptyCard: ApduCard = { transmit: async () => fromHex('6A82') };
