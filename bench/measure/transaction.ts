/** A whole transaction on a card that is open already: begin, one APDU, end. */
import { C, Comparison, OURS, prepare } from '../contenders.js';
import { allCores, pinApart, pinSetup } from '../setup.js';
import { EMPTY, type Measurement } from './measure.js';

/** The same library by `card.transaction`: without the card cache. */
const CARD = 'card.transaction';
const COUNT = 20;
const orders: Record<string, string> = {
  [C]: `transactions 0 ${COUNT} ${EMPTY}`,
  [OURS]: `session-transactions ${COUNT} ${EMPTY}`,
  [CARD]: `card-transactions ${COUNT} ${EMPTY}`,
};

export const transaction: Measurement = {
  name: 'transaction',
  metrics: ['transaction_p50_vs_c'],
  async run({ setup, recorder, times, progress }) {
    const free = new Comparison('transaction_p50', 'us');
    const pinned = new Comparison('transaction_pinned_p50', 'us');
    const starts = times(6, 2);
    let apart = true;
    for (let start = 1; start <= starts; start++) {
      progress(`transaction, start ${start} of ${starts}`);
      const contenders = [
        { name: C, client: setup.startC() },
        { name: OURS, client: setup.startBridge() },
        { name: CARD, client: setup.startBridge(CARD) },
      ];
      const clients = contenders.map(({ client }) => client);
      await prepare(contenders, ['open 1']);
      const run = (comparison: Comparison) =>
        comparison.run(
          contenders,
          times(50, 25),
          async (client, name) => (await client.request<{ us: number[] }>(orders[name] as string)).us,
        );
      await run(free);
      if (apart) {
        try {
          await pinApart(setup, clients);
          await run(pinned);
        } catch (error) {
          apart = false;
          recorder.failed('transaction_pinned_p50_vs_c', error);
        }
        await pinSetup(setup, allCores);
      }
      await Promise.all(clients.map((client) => client.stop()));
    }
    free.record(recorder);
    if (apart) pinned.record(recorder);
  },
};
