/** Eight cards at once, each with its own context. */
import { compare, prepare } from '../contenders.js';
import { EMPTY, type Measurement } from './measure.js';

const CARDS = 8;

export const eightCards: Measurement = {
  name: 'eight-cards',
  metrics: ['eight_cards_vs_c', 'eight_slow_cards_vs_c'],
  async run(context) {
    const { stage, recorder } = context;
    const contenders = context.contenders();
    await prepare(contenders, [`open ${CARDS}`]);
    const measure = (name: string, rounds: number, each: number) => {
      context.progress(name);
      return compare(recorder, contenders, {
        name,
        rounds,
        unit: 'APDU/s',
        round: async (client) => {
          const { ms } = await client.request<{ ms: number }>(`parallel ${CARDS} ${each} ${EMPTY}`);
          return [(1000 * CARDS * each) / ms];
        },
      });
    };
    const delay = async (microseconds: number) => {
      for (let card = 0; card < CARDS; card++) await stage.cards.request(`delay ${card} ${microseconds}`);
    };
    await measure('eight_cards', context.times(120, 12), 100);
    await delay(10_000);
    try {
      await measure('eight_slow_cards', context.times(7, 2), context.times(25, 10));
    } finally {
      await delay(0);
    }
    await Promise.all(contenders.map(({ client }) => client.stop()));
  },
};
