import { CommandApdu, MalformedApduError, SHORT_MAX_NC, SHORT_MAX_NE } from './command.js';
import { InterindustryClass } from './interindustry-class.js';
import { ResponseApdu } from './response.js';
import { carriesSecret } from './secrets.js';
import { SW } from './status-word.js';

/** Sends one command APDU to a card and resolves with its response APDU. */
export type Transmit = (apdu: Uint8Array) => Promise<Uint8Array>;

/** The class byte of GET RESPONSE: a number, or `'same'` for that of the command. */
export type GetResponseClass = number | 'same';

/** Options of `exchange`. */
export interface ExchangeOptions {
  /**
   * The protocol of the connection (`card.protocol`). T=0 has short commands only, and a command with data is sent
   * without Le: the card announces its response by 61xx (ISO/IEC 7816-3:2006, 12.2.4).
   * @default commands are sent as they are
   */
  protocol?: 'T=0' | 'T=1' | 'raw' | undefined;
  /**
   * The class byte of GET RESPONSE. ISO/IEC 7816-4 defines it for interindustry classes only. Cards with classes of
   * their own may want another one: A0 for a SIM (TS 51.011), C0 for Cryptoflex.
   * @default the logical channel of an interindustry class without secure messaging; 00 after a proprietary class
   */
  getResponseClass?: GetResponseClass | undefined;
}

const GET_RESPONSE = 0xc0;
/** Enough for two extended responses. It limits a card that answers 61xx without end. */
const MAX_RESPONSE = 2 * 65_536;
/**
 * Most pieces that a response may come in, as native/card/exchange.cc has it. Cards with small buffers answer in short
 * pieces, so a short one is no fault; but a card that gives a byte at a time would hold its reader for minutes. The
 * longest response takes as many pieces of 128 bytes.
 */
const MAX_PIECES = 1024;

/**
 * Sends one command and returns its whole response, over a transport that sends single APDUs (ISO/IEC 7816-4, 5.3):
 * - data longer than 255 bytes is sent as a chain (CLA bit 5), unless the command is marked extended;
 * - after 6Cxx the command is sent again with the correct Le. It is not if it carries a PIN or a key, for a second one
 *   may cost a second try, or has secure messaging, or has data and goes over T=0, which has no Le for it;
 * - after 61xx the rest is read with GET RESPONSE.
 *
 * An error of the card is not an exception: check the response's status word. If the card stops a chain, the result is
 * the response that stopped it. The APDUs of a command that carries a PIN or a key are wiped after sending; the
 * caller's bytes are not.
 *
 * Use it within a transaction: an APDU of another program in between ruins both commands.
 *
 * @throws {MalformedApduError} The bytes of `command` or of the card's answer are not an APDU, T=0 cannot carry the
 *   extended command, or the card announces more data (61xx) without end or in more than 1,024 pieces.
 * @throws {RangeError} `getResponseClass` is not a class.
 */
export async function exchange(
  transmit: Transmit,
  command: CommandApdu | Uint8Array,
  { protocol, getResponseClass }: ExchangeOptions = {},
): Promise<ResponseApdu> {
  const t0 = protocol === 'T=0';
  const blocks = t0 ? blocksOf(command).map(overT0) : blocksOf(command);
  const last = blocks.pop() as CommandApdu;
  const cla = classForGetResponse(last, getResponseClass);
  for (const block of blocks) {
    const response = await send(transmit, block);
    if (response.sw !== SW.OK) return response;
  }
  let response = await send(transmit, last);
  if (response.sw1 === 0x6c && maySendAgain(last) && !(t0 && last.data.length > 0))
    response = await send(transmit, last.with({ ne: response.sw2 || SHORT_MAX_NE }));
  return response.sw1 === 0x61 ? collect(transmit, cla, response) : response;
}

/**
 * Returns the class byte of GET RESPONSE after `command`.
 *
 * @throws {RangeError} `choice` is not a class, 0 to 0xFE.
 */
export function classForGetResponse(command: CommandApdu, choice: GetResponseClass | undefined): number {
  if (choice === undefined) return command.class.forGetResponse();
  if (choice === 'same') return command.cla;
  if (!Number.isInteger(choice) || choice < 0 || choice > 0xfe) {
    throw new RangeError(`getResponseClass must be 'same' or a number from 0 to 254, but is ${choice}.`);
  }
  return choice;
}

/** Returns the APDUs that `exchange` sends for a command, one or more; the last one asks for the response. */
export function blocksOf(command: CommandApdu | Uint8Array): CommandApdu[] {
  const whole = command instanceof CommandApdu ? command : CommandApdu.parse(command);
  const blocks = !whole.extended && whole.data.length > SHORT_MAX_NC ? chain(whole) : [whole];
  const last = blocks.at(-1) as CommandApdu;
  if (!last.extended && last.ne > SHORT_MAX_NE) blocks[blocks.length - 1] = last.with({ ne: SHORT_MAX_NE });
  return blocks;
}

/** The commands of a chain: all but the last with the chaining bit and without Le. */
function chain(command: CommandApdu): CommandApdu[] {
  const blocks: CommandApdu[] = [];
  for (let start = 0; start < command.data.length; start += SHORT_MAX_NC) {
    const data = command.data.subarray(start, start + SHORT_MAX_NC);
    const more = start + SHORT_MAX_NC < command.data.length;
    const cla = command.class.withChaining(more);
    blocks.push(command.with({ cla, data, ne: more ? 0 : command.ne }));
  }
  return blocks;
}

/** The form in which T=0 carries a command: short, and with Le only if it has no data. */
function overT0(command: CommandApdu): CommandApdu {
  if (command.data.length > SHORT_MAX_NC) {
    throw new MalformedApduError(
      `T=0 carries at most ${SHORT_MAX_NC} data bytes in a command; send it as a chain, not extended, or connect ` +
        'with T=1.',
    );
  }
  const ne = command.data.length > 0 ? 0 : Math.min(command.ne, SHORT_MAX_NE);
  return command.with({ ne, extended: false });
}

/** A PIN may cost a second try, and the cryptogram of secure messaging is good for one use. */
function maySendAgain(command: CommandApdu): boolean {
  // Proprietary classes have the bits where the interindustry ones have them (GlobalPlatform 2.3.1, 11.1.4).
  const { secureMessaging } = new InterindustryClass(command.cla & 0x7f);
  return !secureMessaging && !carriesSecret(command);
}

async function collect(transmit: Transmit, cla: number, first: ResponseApdu): Promise<ResponseApdu> {
  const parts = [first.data];
  let received = first.data.length;
  let response = first;
  while (response.sw1 === 0x61) {
    if (parts.length > MAX_PIECES) {
      throw new MalformedApduError(`The card gives its response (61xx) in more than ${MAX_PIECES} pieces.`);
    }
    const next = new CommandApdu({ cla, ins: GET_RESPONSE, p1: 0, p2: 0, ne: response.sw2 || SHORT_MAX_NE });
    response = await send(transmit, next);
    if (response.sw1 === 0x6c)
      response = await send(transmit, next.with({ ne: response.sw2 || SHORT_MAX_NE }));
    received += response.data.length;
    parts.push(response.data);
    const stuck = response.sw1 === 0x61 && response.data.length === 0;
    if (stuck || received > MAX_RESPONSE) {
      throw new MalformedApduError(
        'The card keeps announcing more response data (61xx) without coming to an end.',
      );
    }
  }
  const data = new Uint8Array(received);
  let offset = 0;
  for (const part of parts) {
    data.set(part, offset);
    offset += part.length;
  }
  return new ResponseApdu(response.sw, data);
}

async function send(transmit: Transmit, command: CommandApdu): Promise<ResponseApdu> {
  const bytes = command.encode();
  try {
    return ResponseApdu.parse(await transmit(bytes));
  } finally {
    if (carriesSecret(bytes)) bytes.fill(0);
  }
}
