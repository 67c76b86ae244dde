/**
 * One card, one command after another. Turns are short, some milliseconds each: what disturbs the machine then
 * disturbs everybody's turn of a round. Where the scheduler puts a program's threads stays the same for seconds
 * and makes as much of a difference as the program does, so all of them start anew several times.
 */
import { Comparison, prepare } from '../contenders.js';
import { allCores, pinApart, pinSetup } from '../setup.js';
import { BYTES_256, BYTES_65000, EMPTY, type Measurement, PIECES_16 } from './measure.js';

const PINNED = 'apdu5_pinned_p50';
const orders: Record<string, string> = {
  apdu5_p50: `apdu 0 40 ${EMPTY}`,
  apdu256_p50: `apdu 0 40 ${BYTES_256}`,
  apdu64k_p50: `apdu 0 20 ${BYTES_65000}`,
  cert16_p50: `chain 0 5 ${PIECES_16}`,
  [PINNED]: `apdu 0 40 ${EMPTY}`, // comes last: the programs stay pinned
};

export const apdu: Measurement = {
  name: 'apdu',
  metrics: [
    'apdu5_p50_vs_c',
    'apdu5_pinned_p50_vs_c',
    'apdu256_p50_vs_c',
    'apdu64k_p50_vs_c',
    'cert16_p50_vs_c',
  ],
  async run(context) {
    const { recorder, setup, progress } = context;
    const comparisons = Object.keys(orders).map((name) => new Comparison(name, 'us'));
    const starts = context.times(6, 1);
    const rounds = context.times(50, 40);
    let apart = true;
    for (let start = 1; start <= starts; start++) {
      const contenders = context.contenders();
      await prepare(contenders, ['open 1']);
      for (const comparison of comparisons) {
        progress(`${comparison.name}, start ${start} of ${starts}`);
        if (comparison.name === PINNED) {
          const running = contenders.filter(({ failure }) => failure === undefined);
          try {
            if (apart) {
              await pinApart(
                setup,
                running.map(({ client }) => client),
              );
            }
          } catch (error) {
            apart = false;
            recorder.failed('apdu5_pinned_p50_vs_c', error);
          }
          if (!apart) continue;
        }
        await comparison.run(
          contenders,
          rounds,
          async (client) => (await client.request<{ us: number[] }>(orders[comparison.name] as string)).us,
        );
      }
      if (apart) await pinSetup(setup, allCores);
      await Promise.all(contenders.map(({ client }) => client.stop()));
    }
    for (const comparison of comparisons) {
      if (apart || comparison.name !== PINNED) comparison.record(recorder);
    }
  },
};
