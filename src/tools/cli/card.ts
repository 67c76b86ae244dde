/** pcsc-bridge card: a virtual PIV card in a running virtual reader, with faults on keys. */
import { emitKeypressEvents } from 'node:readline';
import { Command, Option } from 'commander';
import { formatCommand, toHex } from '../../apdu/index.js';
import { ALGORITHM_ID } from '../../piv/index.js';
import { type ApduRecord, createPivCard, type PivAlgorithm, PivCard } from '../../testing/virtual/index.js';
import { colors } from '../terminal/colors.js';
import { aborted, runCommand } from './command.js';
import { notify, print } from './output.js';
import { wholeNumber } from './parsers.js';

interface CardOptions {
  port: number;
  host: string;
  algorithm: PivAlgorithm;
  pin: string;
  yubico?: boolean;
  subject: string;
  quiet?: boolean;
}

/** vpcd's own port for its first slot. */
const VPCD_PORT = 35963;

const keys = `  d  answer each APDU a second later   m  answer none        e  answer the next one 6F00
  r  lose power (PIN, selection)       p  pull, and put in again
  c  all faults off                    q  the end`;

export function cardCommand(): Command {
  return new Command('card')
    .description('put a virtual PIV card into a virtual reader (vsmartcard vpcd), until interrupted')
    .option('--port <port>', "the reader slot's TCP port", wholeNumber(1, 65_535), VPCD_PORT)
    .option('--host <name>', 'where vpcd runs', '127.0.0.1')
    .addOption(
      new Option('--algorithm <name>', 'algorithm of its key')
        .choices(Object.keys(ALGORITHM_ID))
        .default('P256'),
    )
    .option(
      '--pin <digits>',
      'a PIN for tests: other users on this host can read it from the command line',
      '123456',
    )
    .option('--subject <name>', "the certificate's common name", 'Virtual Card')
    .option('--yubico', "the card has Yubico's extensions of PIV")
    .option('--quiet', 'do not print APDUs')
    .addHelpText('after', `\nKeys on a terminal:\n${keys}`)
    .action((options: CardOptions) =>
      runCommand('card', async (signal) => {
        const inserted = await InsertedCard.insert(options);
        try {
          notify(`inserted at ${options.host}:${options.port}; PIN ${options.pin}`);
          await Promise.race([aborted(signal), inserted.control(), inserted.readerGone]);
        } finally {
          await inserted.remove();
        }
        return undefined;
      }),
    );
}

class InsertedCard {
  /** Rejects when the reader is removed. */
  readonly readerGone: Promise<never>;
  #lose!: (error: Error) => void;

  private constructor(
    private card: PivCard,
    private readonly options: CardOptions,
  ) {
    this.readerGone = new Promise((_, reject) => {
      this.#lose = reject;
    });
    this.readerGone.catch(() => {});
    this.#mind(card);
  }

  static async insert(options: CardOptions): Promise<InsertedCard> {
    const { port, host, algorithm, pin, subject, yubico = false } = options;
    const onApdu = options.quiet ? undefined : tell;
    const card = await createPivCard({
      port,
      host,
      algorithm,
      pin,
      subject,
      yubico,
      ...(onApdu && { onApdu }),
    });
    return new InsertedCard(card, options);
  }

  /** Handles keys until the user ends it. Without a keyboard it never settles. `remove` ends the raw mode. */
  async control(): Promise<void> {
    const { stdin } = process;
    if (!stdin.isTTY) return new Promise(() => {});
    notify(keys);
    emitKeypressEvents(stdin);
    stdin.setRawMode(true);
    await new Promise<void>((resolve, reject) => {
      stdin.on('keypress', (_text, { name, ctrl }: { name?: string; ctrl?: boolean }) => {
        if (name === 'q' || (ctrl && name === 'c')) resolve();
        else this.#obey(name).catch(reject);
      });
    });
  }

  remove(): Promise<void> {
    const { stdin } = process;
    if (stdin.isTTY) {
      stdin.setRawMode(false);
      stdin.pause();
    }
    return this.card.remove();
  }

  async #obey(key: string | undefined): Promise<void> {
    const { faults } = this.card;
    const done = (text: string) => notify(colors.dim(text));
    if (key === 'd') {
      faults.responseDelay = 1000;
      done('each answer a second later');
    } else if (key === 'm') {
      faults.mute = true;
      done('mute: a program that sends an APDU now waits until the card is removed');
    } else if (key === 'e') {
      faults.forceStatus(0x6f00);
      done('the next APDU is answered 6F00');
    } else if (key === 'r') {
      faults.reset();
      done('lost its power');
    } else if (key === 'c') {
      faults.clear();
      done('no faults');
    } else if (key === 'p') {
      await this.#pullAndInsert();
    }
  }

  async #pullAndInsert(): Promise<void> {
    const { port, host } = this.options;
    const { piv } = this.card;
    await this.card.remove();
    notify(colors.dim('pulled'));
    // pcscd looks every 400 ms; one that is back by then is taken for the card that was there.
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const onApdu = this.options.quiet ? undefined : tell;
    this.card = await PivCard.insertPiv({ port, host, ...(onApdu && { onApdu }) }, piv);
    this.#mind(this.card);
    notify(colors.dim('inserted'));
  }

  #mind(card: PivCard): void {
    void card.closed.then(({ reason, error }) => {
      if (reason !== 'reader-gone') return;
      this.#lose(new Error('the reader has gone', { cause: error }));
    });
  }
}

function tell({ command, masked, response, durationMs }: ApduRecord): void {
  const sent = masked ? `${toHex(command.subarray(0, 5), ' ')} ...` : formatCommand(command);
  const answer = response ? toHex(response, ' ') : 'no answer';
  print(`${sent}\n  ${answer}  ${colors.dim(`${durationMs.toFixed(1)} ms`)}`);
}
