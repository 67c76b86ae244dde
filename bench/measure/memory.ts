/** What much use leaves in memory. */
import type { Measurement } from './measure.js';

interface Usage {
  rss: number;
  threads: number;
  descriptors: number;
}

export const memory: Measurement = {
  name: 'memory',
  metrics: ['rss_growth_mib'],
  async run({ setup, recorder, times, progress }) {
    const ours = setup.startBridge('pcsc-bridge', ['--expose-gc']);
    await ours.request('open 1');
    const [transmits, connects] = [times(200_000, 10_000), times(5000, 250)];
    progress(`memory: ${transmits} transmits, ${connects} connects`);
    await ours.request(`churn ${times(40_000, 5000)} ${times(1000, 150)}`, 120_000);
    const before = await ours.request<Usage>('usage');
    // In steps: a slope that goes on tells more than a sum.
    const steps: number[] = [];
    for (let step = 0; step < 5; step++) {
      await ours.request(`churn ${transmits / 5} ${connects / 5}`, 120_000);
      steps.push((await ours.request<Usage>('usage')).rss / 2 ** 20);
    }
    const after = await ours.request<Usage>('usage');
    recorder.metric('rss_growth_mib', (after.rss - before.rss) / 2 ** 20);
    recorder.detail('rss_growth_mib', {
      transmits,
      connects,
      rssMib: [before.rss / 2 ** 20, ...steps],
      threads: [before.threads, after.threads],
      descriptors: [before.descriptors, after.descriptors],
    });
    await ours.stop();
  },
};
