/** pcsc-bridge piv: look at a PIV card, use its keys, change its PINs, and set it up for tests. */
import { Command } from 'commander';
import { manageCommands } from './manage.js';
import { pinCommands } from './pins.js';
import { attestCommand, certificateCommand, listCommand } from './show.js';
import { useCommands } from './use.js';

export function pivCommand(): Command {
  const command = new Command('piv')
    .description('look at a PIV card, use its keys, change its PINs, and set it up for tests')
    .addHelpText(
      'after',
      `
Secrets come from environment variables or from a prompt, never from the command line: PCSC_BRIDGE_PIN,
PCSC_BRIDGE_NEW_PIN, PCSC_BRIDGE_PUK, PCSC_BRIDGE_NEW_PUK, and PCSC_BRIDGE_MANAGEMENT_KEY (hexadecimal, or "default" for
that of a new YubiKey). A wrong PIN or PUK costs a try.`,
    );
  const parts = [
    listCommand(),
    certificateCommand(),
    attestCommand(),
    ...pinCommands(),
    ...useCommands(),
    ...manageCommands(),
  ];
  for (const part of parts) command.addCommand(part);
  return command;
}
