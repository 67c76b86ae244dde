/**
 * One card, one command after another. Turns are short, some milliseconds each: what disturbs the machine then
 * disturbs everybody's turn of a round, and the scheduler's luck changes often.
 */
import { cpus } from 'node:os';
import type { Client } from '../client.js';
import { compare, prepare } from '../contenders.js';
import { allCores, pinStage } from '../stage.js';
import { BYTES_256, BYTES_65000, type Context, EMPTY, type Measurement, PIECES_16 } from './measure.js';

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
    const contenders = context.contenders();
    await prepare(contenders, ['open 1']);
    const measure = (name: string, order: string, rounds = context.times(300, 40)) => {
      context.progress(name);
      return compare(context.recorder, contenders, {
        name,
        rounds,
        unit: 'us',
        round: async (client) => (await client.request<{ us: number[] }>(order)).us,
      });
    };
    await measure('apdu5_p50', `apdu 0 40 ${EMPTY}`);
    await measure('apdu256_p50', `apdu 0 40 ${BYTES_256}`);
    await measure('apdu64k_p50', `apdu 0 20 ${BYTES_65000}`);
    await measure('cert16_p50', `chain 0 5 ${PIECES_16}`);
    const clients = contenders.filter(({ failure }) => failure === undefined).map(({ client }) => client);
    if (await pinApart(context, clients)) {
      await measure('apdu5_pinned_p50', `apdu 0 40 ${EMPTY}`);
      await pinStage(context.stage, allCores);
    }
    await Promise.all(contenders.map(({ client }) => client.stop()));
  },
};

/** Clients on one core, daemon and cards on another. */
async function pinApart({ stage, recorder }: Context, clients: readonly Client[]): Promise<boolean> {
  try {
    if (cpus().length < 2) throw new Error('needs two cores');
    if (!(await pinStage(stage, '1'))) throw new Error('the daemon is not to be found in /proc');
    await Promise.all(clients.map((client) => client.pin('0')));
    return true;
  } catch (error) {
    recorder.failed('apdu5_pinned_p50_vs_c', error);
    return false;
  }
}
