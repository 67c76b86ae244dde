/** What all commands of "piv" share: the options, the connected card, its transactions. */
import { Command, Option } from 'commander';
import { type Card, CardBridge, type Protocol, type Transaction } from '../../../index.js';
import { type PivSlot, SLOTS, selectPiv } from '../../../piv/index.js';
import { runCommand } from '../command.js';
import { protocolOption } from '../parsers.js';
import { chooseReader } from '../seen-readers.js';

export interface PivCommandOptions {
  reader?: string;
  protocol?: [Protocol];
  slot: PivSlot;
  json?: boolean;
  out?: string;
  /** The argument, if the command has one. */
  file?: string;
}

/** A connected card, for transactions that begin with the selection of PIV. */
export class PivCard {
  constructor(
    readonly card: Card,
    readonly signal: AbortSignal,
  ) {}

  /**
   * Ends with a reset of the card, so that no PIN stays verified. Never prompts inside the transaction, because other
   * programs wait for the card.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const run = async (tx: Transaction) => {
      await selectPiv(tx);
      return work(tx);
    };
    return this.card.transaction(run, { signal: this.signal, disposition: 'reset' });
  }
}

/** A command of "piv" with its common options. It connects to the card, and then does its work. */
export function part<Options extends PivCommandOptions>(
  name: string,
  description: string,
  work: (card: PivCard, options: Options, signal: AbortSignal) => Promise<void>,
): Command {
  return new Command(name)
    .description(description)
    .option(
      '--reader <name>',
      'name, part of it, or number in the list of "readers"; default: the only reader with a card',
    )
    .addOption(protocolOption())
    .option('--json', 'as data')
    .action((...given: unknown[]) => {
      const command = given.at(-1) as Command;
      const options = { ...command.opts<Options>(), file: command.args[0] };
      return runCommand(`piv ${name}`, async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const { reader } = await chooseReader(session, options.reader, signal);
        await using card = await session.connect(reader, { signal, protocols: options.protocol });
        await work(new PivCard(card, signal), options, signal);
        return undefined;
      });
    });
}

/** The slots in the order of the standard: the current keys, then the retired ones. */
export const SLOT_NAMES = (Object.keys(SLOTS) as PivSlot[]).sort((one, other) => rank(one) - rank(other));

export function slotOption(initial: PivSlot = '9A'): Option {
  return new Option('--slot <slot>', 'which key').choices(SLOT_NAMES).default(initial);
}

function rank(slot: PivSlot): number {
  const { reference } = SLOTS[slot];
  return reference >= 0x9a ? reference : reference + 0x100;
}
