/** pcsc-bridge bench: how long the basic operations take on a reader of this host. */
import { Command } from 'commander';
import { CardBridge, type SessionContext } from '../../index.js';
import { printable } from '../../printable.js';
import { Progress } from '../terminal/progress.js';
import { table } from '../terminal/table.js';
import { runCommand } from './command.js';
import { print, printJson } from './output.js';
import { wholeNumber } from './parsers.js';
import { chooseReader } from './seen-readers.js';

interface BenchOptions {
  reader?: string;
  rounds: number;
  json?: boolean;
}

interface Figure {
  operation: string;
  p50Ms: number;
  p90Ms: number;
  maxMs: number;
}

/** SELECT of nothing by name: every card answers it, and none changes anything lasting. */
const SELECT = Uint8Array.of(0x00, 0xa4, 0x04, 0x00, 0x00);

export function benchCommand(): Command {
  return new Command('bench')
    .description('measure connect, APDU and transactions on the card in a reader')
    .option(
      '--reader <name>',
      'name, part of it, or number in the list of "readers"; default: the only reader with a card',
    )
    .option('--rounds <count>', 'how often each operation is repeated', wholeNumber(10, 100_000), 200)
    .option('--json', 'as data')
    .addHelpText(
      'after',
      '\nWithout a reader: pcsc-bridge rig --readers 1 -- pcsc-bridge bench. What the library costs beside C and other\nlibraries, "npm run bench" measures in its repository.',
    )
    .action((options: BenchOptions) =>
      runCommand('bench', async (signal) => {
        await using bridge = new CardBridge();
        await using session = await bridge.openSession();
        const { reader: name } = await chooseReader(session, options.reader, signal);
        const figures = await measure(session, name, options.rounds, signal);
        if (options.json) {
          printJson({ reader: name, rounds: options.rounds, figures });
          return undefined;
        }
        const rows = figures.map(({ operation, p50Ms, p90Ms, maxMs }) => [
          operation,
          ...[p50Ms, p90Ms, maxMs].map((ms) => `${ms.toFixed(3)} ms`),
        ]);
        const aligns = ['left', 'right', 'right', 'right'] as const;
        print(`${printable(name)}, ${options.rounds} rounds\n`);
        print(table(['operation', 'p50', 'p90', 'longest'], rows, aligns));
        return undefined;
      }),
    );
}

async function measure(
  session: SessionContext,
  reader: string,
  rounds: number,
  signal: AbortSignal,
): Promise<Figure[]> {
  const progress = new Progress();
  await using card = await session.connect(reader, { signal });
  const operations: [string, () => Promise<unknown>][] = [
    ['APDU (SELECT)', () => card.transmit(SELECT)],
    ['transaction: begin, end', () => card.transaction(() => {})],
    ['cached transaction: find the card, begin, end', () => session.transaction(reader, () => {})],
    ['connect, disconnect', async () => (await session.connect(reader)).close()],
  ];
  try {
    const figures: Figure[] = [];
    for (const [operation, run] of operations) {
      progress.step(operation);
      await run(); // warm-up, not measured
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        signal.throwIfAborted();
        const start = performance.now();
        await run();
        times.push(performance.now() - start);
      }
      times.sort((a, b) => a - b);
      const at = (part: number) => times[Math.min(rounds - 1, Math.floor(rounds * part))] ?? 0;
      figures.push({ operation, p50Ms: at(0.5), p90Ms: at(0.9), maxMs: at(1) });
    }
    return figures;
  } finally {
    progress.end();
  }
}
