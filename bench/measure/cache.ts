/** A transaction on a cached card against connecting for it. */
import { median, ratios, spread } from '../statistics.js';
import type { Measurement } from './measure.js';

export const cache: Measurement = {
  name: 'cache',
  metrics: ['cached_transaction_speedup'],
  async run({ stage, recorder, times, progress }) {
    progress('cached_transaction');
    const ours = stage.startBridge();
    const c = stage.startC();
    await ours.request('open 1');
    await c.request('open 1'); // the card stays powered
    const rounds = times(150, 20);
    const figures: Record<'cached' | 'uncached' | 'c', number[]> = { cached: [], uncached: [], c: [] };
    for (let i = 0; i <= rounds; i++) {
      const take = async (kind: keyof typeof figures, answer: Promise<{ us: number[] }>) => {
        const { us } = await answer;
        if (i > 0) figures[kind].push(median(us));
      };
      await take('cached', ours.request('cached 20'));
      await take('uncached', ours.request('uncached 10'));
      await take('c', c.request('cycle 0 10'));
    }
    const speedup = ratios(figures.uncached, figures.cached);
    recorder.metric('cached_transaction_speedup', speedup.p50);
    recorder.detail('cached_transaction_speedup', {
      rounds,
      speedup,
      speedupOverC: ratios(figures.c, figures.cached),
      cachedUs: spread(figures.cached),
      uncachedUs: spread(figures.uncached),
      cUs: spread(figures.c),
    });
    await Promise.all([ours.stop(), c.stop()]);
  },
};
