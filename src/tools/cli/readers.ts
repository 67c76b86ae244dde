/** pcsc-bridge readers: the readers and the cards in them. */
import { Command } from 'commander';
import { describeAtr, toHex } from '../../apdu/index.js';
import { CardBridge } from '../../index.js';
import { printable } from '../../printable.js';
import { type DaemonClients, daemonClients } from '../doctor/clients.js';
import { table } from '../terminal/table.js';
import { atrData, atrLines } from './atr-details.js';
import { cardNames, readCardList } from './card-list.js';
import { runCommand } from './command.js';
import { print, printJson } from './output.js';
import { describeState, seeReaders } from './seen-readers.js';

export function readersCommand(): Command {
  return new Command('readers')
    .description('list the readers and the cards in them')
    .option('--clients', 'list the processes that use pcscd instead (Linux)')
    .option('--verbose', 'decode the ATR of each card, and look up its name')
    .option('--json', 'as data')
    .action(({ json, clients, verbose }: { json?: boolean; clients?: boolean; verbose?: boolean }) =>
      runCommand('readers', async (signal) => {
        if (clients) {
          listClients(await daemonClients(), json ?? false);
          return undefined;
        }
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const readers = await seeReaders(session, signal);
        const list = verbose ? await readCardList() : '';
        if (json) {
          const data = readers.map(({ reader, state, atr }) => ({
            name: reader,
            state,
            atr: atr ? toHex(atr) : null,
            card: atr ? describeAtr(atr) : null,
            ...(verbose && { details: atr ? atrData(atr, cardNames(list, atr)) : null }),
          }));
          printJson({ readers: data });
        } else if (readers.length === 0) {
          print('There is no reader. "pcsc-bridge watch" shows when one is plugged in.');
        } else if (verbose) {
          readers.forEach((snapshot, index) => {
            print(`${index + 1}  ${printable(snapshot.reader)}  ${describeState(snapshot.state)}`);
            if (snapshot.atr) printDetails(atrLines(snapshot.atr, cardNames(list, snapshot.atr)));
          });
        } else {
          const rows = readers.map(({ reader, state, atr }, index) => [
            String(index + 1),
            reader,
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

function printDetails(lines: readonly [heading: string, text: string][]): void {
  for (const [heading, text] of lines) print(`   ${heading.padEnd(18)}${text}`);
}

function listClients({ processes, unseen }: DaemonClients, json: boolean): void {
  const others = processes.filter(({ pid }) => pid !== process.pid);
  if (json) {
    printJson({ clients: others, unseen });
    return;
  }
  if (others.length > 0) {
    const rows = others.map(({ pid, program, user, connections }) => [
      String(pid),
      program,
      user,
      String(connections),
    ]);
    print(table(['pid', 'program', 'user', 'connections'], rows, ['right', 'left', 'left', 'right']));
  } else if (unseen === 0) {
    print('No other process is connected to pcscd.');
  }
  if (unseen > 0) {
    print(
      `${unseen} ${unseen === 1 ? 'connection' : 'connections'} of processes that this user may not inspect; ` +
        'run this command as root to see them.',
    );
  }
}
