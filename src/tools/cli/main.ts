#!/usr/bin/env node
/** The command line: pcsc-bridge COMMAND. One file per command. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { apduCommand } from './apdu.js';
import { benchCommand } from './bench.js';
import { cardCommand } from './card.js';
import { Exit } from './command.js';
import { completionCommand } from './completion.js';
import { doctorCommand } from './doctor.js';
import { write } from './output.js';
import { pivCommand } from './piv/index.js';
import { readersCommand } from './readers.js';
import { reproCommand } from './repro.js';
import { rigCommand } from './rig.js';
import { watchCommand } from './watch.js';

const { version, description } = JSON.parse(
  readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

const program = new Command('pcsc-bridge')
  .description(description)
  .version(version)
  .enablePositionalOptions()
  .configureOutput({
    writeOut: (text) => write(process.stdout, text),
    writeErr: (text) => write(process.stderr, text),
  })
  .showHelpAfterError('(add --help for the options)')
  .addHelpText(
    'after',
    '\nExit status: 0 done; 1 it failed, or found a fault; 2 wrong usage; 130 interrupted.',
  );

const commands = [
  readersCommand(),
  watchCommand(),
  apduCommand(),
  pivCommand(),
  cardCommand(),
  rigCommand(),
  benchCommand(),
  reproCommand(),
  doctorCommand(),
];
for (const command of commands) program.addCommand(command);
program.addCommand(completionCommand(program));
for (const command of everyCommand(program)) {
  command.exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? Exit.ok : Exit.usage));
  command.copyInheritedSettings(program);
}
await program.parseAsync();

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)];
}
