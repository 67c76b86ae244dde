/** pcsc-bridge apdu: commands to a card, by hand or from a pipe. */
import { createInterface } from 'node:readline';
import { Command } from 'commander';
import {
  describeAtr,
  formatCommand,
  fromHex,
  type GetResponseClass,
  ResponseApdu,
  toHex,
} from '../../apdu/index.js';
import { type Card, CardBridge, type Protocol } from '../../index.js';
import { printable } from '../../printable.js';
import { colors } from '../terminal/colors.js';
import { messageOf, runCommand } from './command.js';
import { notify, print, printJson } from './output.js';
import { getResponseClass, protocolOption } from './parsers.js';
import { chooseReader } from './seen-readers.js';

interface ApduOptions {
  reader?: string;
  protocol?: [Protocol];
  getResponseClass?: GetResponseClass;
  raw?: boolean;
  json?: boolean;
}

const help = `A line is a command in hexadecimal, such as 00A4040000, or one of:
  atr      the card's answer to reset
  reset    reset the card
  help     this
  quit     the end (also Ctrl-D)`;

export function apduCommand(): Command {
  return new Command('apdu')
    .description('send APDUs to a card: from the arguments, from standard input, or typed on the terminal')
    .argument('[hex...]', 'APDUs in hexadecimal')
    .option(
      '--reader <name>',
      'name, part of it, or number in the list of "readers"; default: the only reader with a card',
    )
    .option(
      '--raw',
      'send each APDU unchanged: no GET RESPONSE after 61xx, no correct Le after 6Cxx, no chaining',
    )
    .addOption(protocolOption())
    .option(
      '--get-response-class <class>',
      'class byte of GET RESPONSE, such as C0, or "same" for that of the command; default: 00 or the channel',
      getResponseClass,
    )
    .option('--json', 'one object per APDU, on a line of its own')
    .action((apdus: string[], options: ApduOptions) =>
      runCommand('apdu', async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const { reader: name } = await chooseReader(session, options.reader, signal);
        await using card = await session.connect(name, {
          signal,
          onReset: 'reconnect',
          protocols: options.protocol,
        });
        const dialogue = new Dialogue(card, options, signal);
        if (apdus.length > 0) for (const hex of apdus) await dialogue.obey(hex);
        else await dialogue.readLines(name);
        return undefined;
      }),
    );
}

class Dialogue {
  constructor(
    private readonly card: Card,
    private readonly options: ApduOptions,
    private readonly signal: AbortSignal,
  ) {}

  /** On a terminal an error is printed and the next line is read; from a pipe an error ends the command. */
  async readLines(reader: string): Promise<void> {
    const interactive = process.stdin.isTTY === true;
    const lines = createInterface({ input: process.stdin, output: interactive ? process.stderr : undefined });
    const stop = () => lines.close();
    this.signal.addEventListener('abort', stop, { once: true });
    lines.on('SIGINT', stop);
    if (interactive) notify(`${printable(reader)}. Type "help" for the commands.`);
    lines.setPrompt('> ');
    if (interactive) lines.prompt();
    for await (const line of lines) {
      const text = line.replace(/#.*/, '').trim();
      if (text === 'quit') break;
      try {
        if (text !== '') await this.obey(text);
      } catch (error) {
        if (!interactive || this.signal.aborted) throw error;
        notify(messageOf(error));
      }
      if (interactive) lines.prompt();
    }
    lines.close();
  }

  async obey(text: string): Promise<void> {
    if (text === 'help') return notify(help);
    if (text === 'reset') return this.card.reconnect({ initialization: 'reset', signal: this.signal });
    if (text === 'atr') {
      const { atr } = await this.card.status({ signal: this.signal });
      if (this.options.json) return printJson({ atr: toHex(atr), meaning: describeAtr(atr) }, 0);
      return print(`${toHex(atr, ' ')}  ${describeAtr(atr)}`);
    }
    await this.send(fromHex(text));
  }

  private async send(apdu: Uint8Array): Promise<void> {
    const {
      signal,
      options: { getResponseClass, raw },
    } = this;
    const command = formatCommand(apdu);
    // Class FF addresses the reader itself (PC/SC part 3), so no chaining.
    const response =
      raw || apdu[0] === 0xff
        ? ResponseApdu.parse(await this.card.transmit(apdu, { signal }))
        : await this.card.exchange(apdu, { signal, getResponseClass });
    const sw = response.sw.toString(16).toUpperCase().padStart(4, '0');
    if (this.options.json) {
      const data = toHex(response.data);
      printJson({ command, data, sw, meaning: response.meaning }, 0);
      return;
    }
    const paint = response.ok ? colors.green : colors.yellow;
    const data = response.data.length > 0 ? `${toHex(response.data, ' ')}  ` : '';
    print(`${colors.dim(command)}\n  ${data}${paint(sw)} ${response.meaning}`);
  }
}
