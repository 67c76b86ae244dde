/** pcsc-bridge repro: the blocked logons of KB949538 and the fix. */
import { writeFile } from 'node:fs/promises';
import { Command, Option } from 'commander';
import { withLocalAgents } from '../repro/agents/local-setup.js';
import { htmlReport } from '../repro/report/html.js';
import { junitReport } from '../repro/report/junit.js';
import { terminalReport } from '../repro/report/terminal.js';
import { reproduce } from '../repro/scenario.js';
import { type Setup, setUpRealReaders, setUpVirtualReaders } from '../repro/setup.js';
import { Progress } from '../terminal/progress.js';
import { Exit, runCommand, UsageError } from './command.js';
import { addListenOptions, checkListenOptions, type ListenOptions, listenForAgents } from './listen.js';
import { write } from './output.js';
import { wholeNumber } from './parsers.js';
import { askPin } from './pin.js';

interface ReproOptions extends ListenOptions {
  hold: number;
  filter: 'off' | 'on' | 'both';
  json?: string;
  report?: string;
  junit?: string;
  agents?: boolean;
}

export function reproCommand(): Command {
  const command = new Command('repro')
    .description('reproduce the blocked smart card logons of KB949538 and show the fix')
    .option(
      '--sessions <count>',
      'terminal sessions, each with its own virtual card: 2 to 16',
      wholeNumber(2, 16),
      4,
    )
    .option('--hold <ms>', "how long another process holds session 1's card", wholeNumber(200, 600_000), 3000)
    .addOption(
      new Option('--filter <setting>', 'run with the filter off, on, or both')
        .choices(['off', 'on', 'both'])
        .default('both'),
    )
    .option('--json <file>', 'write the result as data')
    .option('--report <file>', 'write a page with the timeline (HTML)')
    .option('--junit <file>', 'write the result for CI systems (JUnit XML)')
    .option(
      '--reader <name>',
      'use the PIV card in this reader instead of a virtual one (at least two readers); the PIN comes from ' +
        'PCSC_BRIDGE_PIN or from a prompt',
      (name: string, names: string[]) => [...names, name],
      [],
    )
    .option(
      '--agents',
      'run the parts as agents: a broker and a user agent per session, each in its own process',
    );
  return addListenOptions(command)
    .addHelpText(
      'after',
      '\nExit status: 0 if the fault occurred with the filter off and not with it on; 1 if not, or on an error.',
    )
    .action((options: ReproOptions) => runCommand('repro', (signal) => run(options, signal)));
}

async function run(options: ReproOptions, signal: AbortSignal): Promise<number> {
  const progress = new Progress();
  try {
    await using setup = await openSetup(options, progress, signal);
    const result = await reproduce(setup, {
      holdMs: options.hold,
      filters: options.filter === 'both' ? ['off', 'on'] : [options.filter],
      signal,
      onProgress: (step) => progress.step(step),
    });
    progress.end();
    write(process.stdout, terminalReport(result, process.stdout.columns || 100));
    if (options.json) await writeFile(options.json, `${JSON.stringify(result, null, 2)}\n`);
    if (options.report) await writeFile(options.report, htmlReport(result));
    if (options.junit) await writeFile(options.junit, junitReport(result));
    return result.verdict === 'fixed' ? Exit.ok : Exit.failed;
  } finally {
    progress.end();
  }
}

async function openSetup(options: ReproOptions, progress: Progress, signal: AbortSignal): Promise<Setup> {
  checkListenOptions(options);
  if (options.listen) return listenForAgents(options, progress, signal);
  const setup = await openLocalSetup(options, progress, signal);
  if (!options.agents) return setup;
  progress.step(`starting the agents: a broker and ${setup.sessions.length} users`);
  return withLocalAgents(setup, signal);
}

async function openLocalSetup(
  options: ReproOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<Setup> {
  if (options.reader.length === 0) {
    progress.step(`starting a private pcscd with ${options.sessions} virtual readers and PIV cards`);
    return setUpVirtualReaders(options.sessions, signal);
  }
  if (new Set(options.reader).size < 2) {
    throw new UsageError('use --reader at least twice: one card is held while the others log on');
  }
  return setUpRealReaders(options.reader, await askPin(signal));
}
