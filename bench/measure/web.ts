/**
 * What a transmit by the Web Smart Card API costs over one by the library's own. The scheduler moves both by more than
 * that from one millisecond to the next, so they take turns, one command each, and the difference is that of neighbours.
 */
import { spread } from '../statistics.js';
import { EMPTY, type Measurement } from './measure.js';

interface Pairs {
  facade: number[];
  web: number[];
}

/** The first pairs are a warm-up. */
const WARM_UP = 1000;

export const web: Measurement = {
  name: 'web',
  metrics: ['web_transmit_us'],
  async run({ setup, recorder, times, progress }) {
    const differences: number[] = [];
    const facades: number[] = [];
    const starts = times(5, 1);
    for (let start = 1; start <= starts; start++) {
      progress(`web, start ${start} of ${starts}`);
      const ours = setup.startBridge();
      const pairs = times(10_000, 3000);
      const { facade, web } = await ours.request<Pairs>(`web-pairs ${pairs} ${EMPTY}`, 120_000);
      facades.push(...facade.slice(WARM_UP));
      differences.push(...web.map((us, i) => us - (facade[i] as number)).slice(WARM_UP));
      await ours.stop();
    }
    const difference = spread(differences);
    recorder.metric('web_transmit_us', difference.p50);
    recorder.detail('web_transmit_us', { starts, difference, facade: spread(facades) });
  },
};
