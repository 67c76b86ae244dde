#!/usr/bin/env node
/** The command line: pcsc-bridge COMMAND. One file per command. */
import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { doctorCommand } from './doctor.js';
import { reproCommand } from './repro.js';

const { version, description } = JSON.parse(
  readFileSync(new URL('../../package.json', import.meta.url), 'utf8'),
) as { version: string; description: string };

await new Command('pcsc-bridge')
  .description(description)
  .version(version)
  .showHelpAfterError('(add --help for the options)')
  .addCommand(doctorCommand())
  .addCommand(reproCommand())
  .parseAsync();
