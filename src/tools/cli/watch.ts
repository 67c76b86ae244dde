/** pcsc-bridge watch: reports readers and cards that are inserted and removed. */
import { Command } from 'commander';
import { describeAtr, toHex } from '../../apdu/index.js';
import { AbortError, CardBridge, type ReaderEvent } from '../../index.js';
import { printable } from '../../printable.js';
import { colors } from '../terminal/colors.js';
import { runCommand } from './command.js';
import { print, printJson } from './output.js';
import { wholeNumber } from './parsers.js';
import { describeState } from './seen-readers.js';

export function watchCommand(): Command {
  return new Command('watch')
    .description('report readers and cards that are inserted or removed, until interrupted')
    .option('--count <events>', 'end after this many', wholeNumber(1, 1_000_000))
    .option('--json', 'one object per line')
    .action(({ count = Number.POSITIVE_INFINITY, json }: { count?: number; json?: boolean }) =>
      runCommand('watch', async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        let shown = 0;
        try {
          for await (const event of session.watch({ signal })) {
            if (json) printJson(asData(event), 0);
            else print(asLine(event));
            shown += 1;
            if (shown >= count) break;
          }
        } catch (error) {
          // The user ends this command with an interrupt.
          if (!(error instanceof AbortError)) throw error;
        }
        return undefined;
      }),
    );
}

function asData(event: ReaderEvent): object {
  const time = new Date().toISOString();
  if (event.type === 'service-lost') return { time, type: event.type, error: event.error.code };
  if (event.type === 'service-restored') return { time, type: event.type };
  const { type, reader, state } = event;
  return { time, type, reader, state, ...('atr' in event && { atr: toHex(event.atr) }) };
}

function asLine(event: ReaderEvent): string {
  const time = colors.dim(new Date().toTimeString().slice(0, 8));
  const what = event.type.replace('-', ' ').padEnd(16);
  if (event.type === 'service-lost') return `${time}  ${colors.red(what)}  ${event.error.message}`;
  if (event.type === 'service-restored') return `${time}  ${what}`;
  if (event.type === 'card-inserted') {
    return `${time}  ${colors.green(what)}  ${printable(event.reader)}  ${describeAtr(event.atr)}`;
  }
  const state = event.type === 'reader-changed' ? `  ${describeState(event.state)}` : '';
  return `${time}  ${what}  ${printable(event.reader)}${state}`;
}
