/**
 * A virtual card with its own application: a card for bonus points. Spending points requires the PIN.
 *
 *   node examples/custom-card.mjs
 *
 * It starts a private pcscd with a virtual reader, so no reader is needed (Debian: pcscd, vsmartcard-vpcd).
 */
import { CardBridge } from 'pcsc-bridge';
import { CommandApdu, fromHex, ResponseApdu, SW } from 'pcsc-bridge/apdu';
import { Rig } from 'pcsc-bridge/rig';
import { StatusWordError, unknownInstruction, VirtualCard } from 'pcsc-bridge/virtual';

/** @typedef {import('pcsc-bridge/virtual').Applet} Applet */

const VERIFY = 0x20;
const READ = 0x30;
const EARN = 0x32;
const SPEND = 0x34;

/** @implements {Applet} */
class BonusApplet {
  aid = fromHex('F0 42 4F 4E 55 53');
  // Like data in EEPROM: kept when the card is removed.
  #points = 0;
  // Like data in RAM: lost without power.
  #verified = false;

  /** @type {Record<number, (command: CommandApdu) => ResponseApdu>} The key is the instruction byte. */
  #instructions = {
    [VERIFY]: ({ data }) => {
      this.#verified = Buffer.from(data).equals(Buffer.from('1234'));
      return this.#verified ? ResponseApdu.ok() : new ResponseApdu(SW.SECURITY_STATUS_NOT_SATISFIED);
    },
    [READ]: () => ResponseApdu.ok(Uint8Array.of(this.#points)),
    [EARN]: ({ p1 }) => this.#change(p1),
    [SPEND]: ({ p1 }) => {
      if (!this.#verified) throw new StatusWordError(SW.SECURITY_STATUS_NOT_SATISFIED);
      return this.#change(-p1);
    },
  };

  /** @param {CommandApdu} command */
  process(command) {
    return this.#instructions[command.ins]?.(command) ?? unknownInstruction();
  }

  reset() {
    this.#verified = false;
  }

  /** @param {number} by */
  #change(by) {
    const points = this.#points + by;
    if (points < 0 || points > 255) throw new StatusWordError(SW.CONDITIONS_NOT_SATISFIED);
    this.#points = points;
    return ResponseApdu.ok(Uint8Array.of(points));
  }
}

const rig = await Rig.start({ slots: 1 });
Object.assign(process.env, rig.env); // before the first PC/SC call
const [{ name: reader, port }] = /** @type {[import('pcsc-bridge/rig').RigReader]} */ (rig.readers);
const applet = new BonusApplet();
const virtual = await VirtualCard.insert({ port, applets: [applet] });
const bridge = new CardBridge();
try {
  const session = await bridge.openSession();
  await session.transaction(reader, useCard);
  console.log(`the card has seen ${virtual.apduCount} APDUs`);
} finally {
  // With TypeScript, or Node.js 24 and later, use `await using` instead.
  await bridge.close();
  await virtual.remove();
  await rig.stop();
}

/** @param {import('pcsc-bridge').Transaction} card */
async function useCard(card) {
  /**
   * @param {number} ins
   * @param {{ p1?: number, data?: Uint8Array }} [fields]
   */
  async function send(ins, fields) {
    const command = new CommandApdu({ cla: 0x80, ins, p1: 0, p2: 0, ne: 256, ...fields });
    const { sw, data, meaning } = await card.exchange(command);
    return sw === SW.OK ? data[0] : meaning;
  }

  const select = new CommandApdu({ cla: 0x00, ins: 0xa4, p1: 0x04, p2: 0x0c, data: applet.aid });
  console.log('select:', (await card.exchange(select)).meaning);
  console.log('earn 30:', await send(EARN, { p1: 30 }));
  console.log('spend 10:', await send(SPEND, { p1: 10 }));
  await send(VERIFY, { data: Buffer.from('1234') });
  console.log('spend 10 with the PIN:', await send(SPEND, { p1: 10 }));
  console.log('spend 100:', await send(SPEND, { p1: 100 }));
  console.log('points:', await send(READ));
}
