/** pcsc-bridge doctor: is this host affected by KB949538? */
import { Command, Option } from 'commander';
import { examineHost, writeFilter } from '../doctor/report.js';
import { doctorText } from '../doctor/text.js';
import { messageOf } from './command.js';
import { confirm } from './confirm.js';
import { notify, print, printJson, write } from './output.js';

interface DoctorOptions {
  json?: boolean;
  setFilter?: '1' | '0';
  yes?: boolean;
}

const somethingToDo = 1;
const failed = 2;

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('report whether this host is affected by KB949538, and what to do')
    .option('--json', 'print the report as data')
    .addOption(
      new Option(
        '--set-filter <1|0>',
        "write the system-wide setting of the filter (Windows: the article's registry value) instead",
      ).choices(['1', '0']),
    )
    .option('--yes', 'write without asking')
    .addHelpText(
      'after',
      '\nExit status: 0 if no action is required, or the setting is as requested; 1 if action is required, ' +
        'or\nthe verdict is unknown, or the question was answered no; 2 on an error.',
    )
    .showHelpAfterError('(add --help for the options)')
    .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : failed))
    .action(run);
}

async function run(options: DoctorOptions, command: Command): Promise<void> {
  if (options.yes && options.setFilter === undefined) {
    command.error("error: option '--yes' goes with --set-filter only");
  }
  try {
    process.exitCode = options.setFilter === undefined ? await examine(options) : await set(options);
  } catch (error) {
    process.exitCode = failed;
    notify(`pcsc-bridge doctor: ${messageOf(error)}`);
  }
}

async function examine(options: DoctorOptions): Promise<number> {
  const report = await examineHost();
  if (options.json) printJson(report);
  else write(process.stdout, doctorText(report, process.stdout.columns || 100));
  return report.nextSteps.length > 0 ? somethingToDo : 0;
}

async function set(options: DoctorOptions): Promise<number> {
  const on = options.setFilter === '1';
  // Other systems have no registry, and writeFilter reports that.
  const ask = process.platform === 'win32' && !options.yes;
  const what = `Turn the smart card cache's filter ${on ? 'on' : 'off'} for this host, in its registry?`;
  if (ask && !(await confirm(what))) {
    notify('Nothing was written.');
    return somethingToDo;
  }
  const written = await writeFilter(on);
  if (options.json) printJson({ value: on ? 1 : 0, ...written });
  else
    print(`${written.changed ? 'Written' : 'Unchanged'}: ${written.place} = ${on ? 1 : 0}. ${written.note}`);
  return 0;
}
