/** Eight cards at once, each with its own context. */
import type { Client } from '../client.js';
import { Comparison, prepare } from '../contenders.js';
import { EMPTY, type Measurement } from './measure.js';

const CARDS = 8;

export const eightCards: Measurement = {
  name: 'eight-cards',
  metrics: ['eight_cards_vs_c', 'eight_slow_cards_vs_c'],
  async run(context) {
    const { setup, recorder, times, progress } = context;
    const fast = new Comparison('eight_cards', 'APDU/s');
    const slow = new Comparison('eight_slow_cards', 'APDU/s');
    const turn = (each: number) => async (client: Client) => {
      const { ms } = await client.request<{ ms: number }>(`parallel ${CARDS} ${each} ${EMPTY}`);
      return [(1000 * CARDS * each) / ms];
    };
    const delay = async (microseconds: number) => {
      for (let card = 0; card < CARDS; card++) await setup.cards.request(`delay ${card} ${microseconds}`);
    };
    const starts = times(4, 1);
    for (let start = 1; start <= starts; start++) {
      const contenders = context.contenders();
      await prepare(contenders, [`open ${CARDS}`]);
      progress(`eight_cards, start ${start} of ${starts}`);
      await fast.run(contenders, times(30, 12), turn(100));
      progress(`eight_slow_cards, start ${start} of ${starts}`);
      await delay(10_000);
      await slow.run(contenders, 2, turn(times(25, 10)));
      await delay(0);
      await Promise.all(contenders.map(({ client }) => client.stop()));
    }
    fast.record(recorder);
    slow.record(recorder);
  },
};
