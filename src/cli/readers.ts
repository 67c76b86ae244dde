/** pcsc-bridge readers: what is plugged in. */
import { Command } from 'commander';
import { describeAtr, toHex } from '../apdu/index.js';
import { CardBridge } from '../index.js';
import { runCommand } from './command.js';
import { print, printJson } from './output.js';
import { describeState, seeReaders } from './seen-readers.js';
import { table } from './table.js';

export function readersCommand(): Command {
  return new Command('readers')
    .description('list the readers and the cards in them')
    .option('--json', 'as data')
    .action(({ json }: { json?: boolean }) =>
      runCommand('readers', async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const readers = await seeReaders(session, signal);
        if (json) {
          const data = readers.map(({ name, state, atr }) => ({
            name,
            state,
            atr: atr ? toHex(atr) : null,
            card: atr ? describeAtr(atr) : null,
          }));
          printJson({ schema: 1, readers: data });
        } else if (readers.length === 0) {
          print('There is no reader. "pcsc-bridge watch" tells when one comes.');
        } else {
          const rows = readers.map(({ name, state, atr }, index) => [
            String(index + 1),
            name,
            describeState(state),
            atr ? toHex(atr, ' ') : '',
            atr ? describeAtr(atr) : '',
          ]);
          print(table(['', 'reader', 'state', 'ATR', 'card'], rows, ['right']));
        }
        return undefined;
      }),
    );
}
