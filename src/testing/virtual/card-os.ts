import { CommandApdu, carriesSecret, MalformedApduError, ResponseApdu, SW } from '../../apdu/index.js';
import { type Applet, StatusWordError } from './applet.js';

const Instruction = { SELECT: 0xa4, GET_RESPONSE: 0xc0 } as const;

/** SELECT's P1: by application identifier. */
const BY_NAME = 0x04;
/** SELECT's P2: which occurrence (bits 2-1), what to return (bits 4-3; 11 = nothing). */
const OCCURRENCE = 0x03;
const FIRST = 0x00;
const NEXT = 0x02;
const RETURN = 0x0c;
const NO_FCI = 0x0c;

/** The most bytes that a response to a short command has. */
const SHORT_MAX_NE = 256;

/** Most data a chain may add up to; as much as one extended APDU. Its commands are no more than that, too. */
const MAX_CHAINED = 65_535;

/**
 * The part of a card around its applets (ISO/IEC 7816-4): form, class, chaining, selection, GET RESPONSE. It does not
 * depend on readers, so tests can drive it directly. One command at a time.
 */
export class CardOs {
  readonly #applets: readonly Applet[];
  #selected: Applet | undefined;
  /** The chain being received: header of its first command, data so far. */
  #chain: { command: CommandApdu; parts: Uint8Array[]; length: number } | undefined;
  /** Response data that waits for GET RESPONSE. */
  #waiting = new Uint8Array(0);

  constructor(applets: readonly Applet[]) {
    for (const { aid } of applets) {
      if (aid.length < 5 || aid.length > 16) {
        throw new RangeError(
          `An application identifier has 5 to 16 bytes, but one of ${aid.length} was given.`,
        );
      }
    }
    this.#applets = applets;
  }

  get selected(): Applet | undefined {
    return this.#selected;
  }

  /** The card lost power or was reset: no application is selected, and the applets forget their state. */
  reset(): void {
    this.#selected = undefined;
    this.#dropChain();
    this.#waiting = new Uint8Array(0);
    for (const applet of this.#applets) applet.reset?.();
  }

  /** Answers a command APDU. Never throws, and always answers with a status word. */
  async process(bytes: Uint8Array): Promise<ResponseApdu> {
    try {
      const command = CommandApdu.parse(bytes);
      const refusal = refuseClass(command);
      if (refusal !== undefined) return new ResponseApdu(refusal);
      if (command.ins === Instruction.GET_RESPONSE && !command.class.proprietary)
        return this.#getResponse(command);
      this.#waiting = new Uint8Array(0);
      return await this.#receive(command);
    } catch (error) {
      if (error instanceof MalformedApduError) return new ResponseApdu(SW.WRONG_LENGTH);
      if (error instanceof StatusWordError) return new ResponseApdu(error.sw);
      return new ResponseApdu(SW.NO_PRECISE_DIAGNOSIS);
    }
  }

  /** Collects the blocks of a chain; a command that does not continue the chain ends it, as on most cards. */
  async #receive(command: CommandApdu): Promise<ResponseApdu> {
    const { chained } = command.class;
    if (this.#chain !== undefined && !continues(this.#chain.command, command)) this.#dropChain();
    if (!chained && this.#chain === undefined) return this.#execute(command);

    this.#chain ??= { command, parts: [], length: 0 };
    this.#chain.parts.push(command.data.slice());
    this.#chain.length += command.data.length;
    if (Math.max(this.#chain.length, this.#chain.parts.length) > MAX_CHAINED) {
      this.#dropChain();
      return new ResponseApdu(SW.WRONG_LENGTH);
    }
    if (chained) return ResponseApdu.ok();

    const data = new Uint8Array(this.#chain.length);
    let offset = 0;
    for (const part of this.#chain.parts) {
      data.set(part, offset);
      offset += part.length;
    }
    this.#dropChain();
    return this.#execute(command.with({ data }));
  }

  #dropChain(): void {
    // A chain may carry a PIN or a key.
    for (const part of this.#chain?.parts ?? []) part.fill(0);
    this.#chain = undefined;
  }

  async #execute(command: CommandApdu): Promise<ResponseApdu> {
    try {
      const select = command.ins === Instruction.SELECT && !command.class.proprietary;
      const { sw, data } = await (select ? this.#select(command) : this.#process(command));
      // An applet may answer with the very bytes that are wiped below.
      const wanted = this.#selected?.answersWithoutLe ? command.ne || SHORT_MAX_NE : command.ne;
      return this.#split(new ResponseApdu(sw, data.slice()), wanted);
    } finally {
      if (carriesSecret(command)) command.data.fill(0);
    }
  }

  #process(command: CommandApdu): ResponseApdu | Promise<ResponseApdu> {
    if (this.#selected === undefined) return new ResponseApdu(SW.INSTRUCTION_NOT_SUPPORTED);
    return this.#selected.process(command);
  }

  async #select(command: CommandApdu): Promise<ResponseApdu> {
    const { p1, p2, data } = command;
    // There is no file system, so a file identifier or path matches nothing.
    if (p1 !== BY_NAME) return new ResponseApdu(p1 <= 0x09 ? SW.NOT_FOUND : SW.WRONG_P1_P2);
    const occurrence = p2 & OCCURRENCE;
    if ((p2 & ~(OCCURRENCE | RETURN)) !== 0) return new ResponseApdu(SW.WRONG_P1_P2);
    if (occurrence !== FIRST && occurrence !== NEXT) return new ResponseApdu(SW.FUNCTION_NOT_SUPPORTED);
    if (data.length > 16) return new ResponseApdu(SW.WRONG_LENGTH);

    const applet = this.#find(data, occurrence === NEXT);
    if (applet === undefined) return new ResponseApdu(SW.NOT_FOUND);
    const response = (await applet.select?.(command)) ?? ResponseApdu.ok();
    if (!response.ok) return response;
    if (this.#selected !== applet) this.#selected?.deselect?.();
    this.#selected = applet;
    return (p2 & RETURN) === NO_FCI ? new ResponseApdu(response.sw) : response;
  }

  /** The first applet whose AID begins with `name`, or the next such after the one selected. */
  #find(name: Uint8Array, next: boolean): Applet | undefined {
    const matching = this.#applets.filter(({ aid }) => name.every((byte, i) => aid[i] === byte));
    if (!next) return matching[0];
    const current = this.#selected === undefined ? -1 : matching.indexOf(this.#selected);
    return matching[current + 1];
  }

  #getResponse(command: CommandApdu): ResponseApdu {
    if (command.p1 !== 0 || command.p2 !== 0) return new ResponseApdu(SW.WRONG_P1_P2);
    if (command.case !== 2) return new ResponseApdu(SW.WRONG_LENGTH);
    if (this.#waiting.length === 0) return new ResponseApdu(SW.CONDITIONS_NOT_SATISFIED);
    return this.#split(ResponseApdu.ok(this.#waiting), command.ne);
  }

  /** Returns as much as the host asked for and keeps the rest, announced by 61xx. */
  #split(response: ResponseApdu, ne: number): ResponseApdu {
    if (response.data.length <= ne) {
      this.#waiting = new Uint8Array(0);
      return response;
    }
    // An error or a warning stays what it is; only a success can be continued.
    if (response.sw !== SW.OK) return new ResponseApdu(response.sw, response.data.subarray(0, ne));
    this.#waiting = response.data.slice(ne);
    return new ResponseApdu(
      SW.MORE_DATA | (Math.min(this.#waiting.length, 256) % 256),
      response.data.subarray(0, ne),
    );
  }
}

/** The card has the basic channel only and no secure messaging. */
function refuseClass(command: CommandApdu): number | undefined {
  if (command.class.reserved) return SW.CLASS_NOT_SUPPORTED;
  if (command.class.secureMessaging) return SW.SECURE_MESSAGING_NOT_SUPPORTED;
  return command.class.channel === 0 ? undefined : SW.CHANNEL_NOT_SUPPORTED;
}

function continues(first: CommandApdu, next: CommandApdu): boolean {
  return (
    first.class.withChaining(false) === next.class.withChaining(false) &&
    first.ins === next.ins &&
    first.p1 === next.p1 &&
    first.p2 === next.p2
  );
}
