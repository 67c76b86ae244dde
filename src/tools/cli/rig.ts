/** pcsc-bridge rig: a private pcscd with virtual readers for the program that runs in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';
import { Command, Option } from 'commander';
import { ALGORITHM_ID } from '../../piv/index.js';
import { MAX_SLOTS, Rig } from '../../testing/rig/index.js';
import { createPivCard, type PivAlgorithm, type PivCard } from '../../testing/virtual/index.js';
import { Progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { aborted, runCommand, UsageError } from './command.js';
import { print } from './output.js';
import { wholeNumber } from './parsers.js';

interface RigCommandOptions {
  readers: number;
  cards?: number;
  algorithm: PivAlgorithm;
  pin: string;
  yubico?: boolean;
}

export function rigCommand(): Command {
  return new Command('rig')
    .description('start a private pcscd with virtual readers and PIV cards, and run a command with it')
    .argument('[command...]', 'the command to run; without one the rig runs until interrupted')
    .option('--readers <count>', 'number of virtual readers', wholeNumber(1, MAX_SLOTS), 2)
    .option(
      '--cards <count>',
      'how many of the readers have a PIV card; default: all',
      wholeNumber(0, MAX_SLOTS),
    )
    .addOption(
      new Option('--algorithm <name>', "algorithm of the cards' keys")
        .choices(Object.keys(ALGORITHM_ID))
        .default('P256'),
    )
    .option('--pin <digits>', 'PIN of every card', '123456')
    .option('--yubico', "the cards have Yubico's extensions of PIV")
    .addHelpText(
      'after',
      `
The environment of the command contains PCSCLITE_CSOCK_NAME, which every pcsc-lite program reads, and
PCSC_BRIDGE_RIG: {"readers":[{"name","port"}],"pin"}. The rig exits with the command's status.

  pcsc-bridge rig -- npm test
  pcsc-bridge rig --readers 1 -- pkcs11-tool --list-slots`,
    )
    .passThroughOptions()
    .action((words: string[], options: RigCommandOptions) =>
      runCommand('rig', (signal) => run(words, options, signal)),
    );
}

async function run(
  words: readonly string[],
  options: RigCommandOptions,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { readers: slots, cards: count = slots, algorithm, pin, yubico = false } = options;
  if (count > slots) throw new UsageError(`${count} cards do not fit into ${slots} readers`);
  const progress = new Progress();
  progress.step(`starting a private pcscd with ${slots} virtual readers`);
  const cards: PivCard[] = [];
  try {
    await using rig = await Rig.start({ slots, signal });
    await Promise.all(
      rig.readers.slice(0, count).map(async ({ port }, index) => {
        const subject = `Virtual Card ${index + 1}`;
        cards.push(await createPivCard({ port, algorithm, pin, subject, yubico }));
      }),
    );
    progress.end();
    const env = { ...rig.env, PCSC_BRIDGE_RIG: JSON.stringify({ readers: rig.readers, pin }) };
    if (words.length > 0) return await runWithin(words, env);
    explain(rig, count, env);
    await aborted(signal);
    return undefined;
  } finally {
    progress.end();
    await Promise.all(cards.map((card) => card.remove()));
  }
}

/** @returns The command's exit status; if a signal ended it, 128 plus the signal's number, as in shells. */
async function runWithin(
  [program = '', ...args]: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(program, args, { stdio: 'inherit', env: { ...process.env, ...env } });
  // The terminal sends Ctrl-C to the command as well, which may take its time to clean up. Other signals are passed on.
  const pass = (received: NodeJS.Signals) => {
    if (received !== 'SIGINT' || !process.stdin.isTTY) child.kill(received);
  };
  process.on('SIGINT', pass).on('SIGTERM', pass);
  try {
    const [code, ended] = (await once(child, 'exit')) as [number | null, NodeJS.Signals | null];
    return code ?? 128 + constants.signals[ended ?? 'SIGTERM'];
  } catch (error) {
    const missing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    throw missing ? new Error(`there is no program "${program}"`) : error;
  } finally {
    process.off('SIGINT', pass).off('SIGTERM', pass);
  }
}

function explain(rig: Rig, cards: number, env: NodeJS.ProcessEnv): void {
  const rows = rig.readers.map(({ name, port }, index) => [
    name,
    String(port),
    index < cards ? 'PIV card' : 'empty',
  ]);
  print(table(['reader', 'port', ''], rows));
  print('\nIn another shell, for programs that are to see them:');
  for (const [name, value = ''] of Object.entries(env)) {
    if (name !== 'PCSC_BRIDGE_RIG') print(`  export ${name}='${value.replaceAll("'", "'\\''")}'`);
  }
  print('\nInterrupt (Ctrl-C) to end it.');
}
