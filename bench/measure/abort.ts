/** Blocked calls, aborted: how soon the caller hears of it, and what is left behind. */
import { now, sleep } from '../clock.js';
import { descriptorsOf } from '../processes.js';
import { percentile, spread } from '../statistics.js';
import { Holding } from './holding.js';
import { EMPTY, type Measurement } from './measure.js';

const kinds = ['connect', 'begin', 'transmit', 'acquire'] as const;
/** Of each kind, in one hold: a stuck connect keeps a context of the daemon's 200 until the card is free. */
const BATCH = 25;
/** Idle threads end after five seconds. */
const SETTLING = 8000;

interface Usage {
  threads: number;
  descriptors: number;
}

export const abort: Measurement = {
  name: 'abort',
  metrics: ['abort_ms_p99'],
  async run({ setup, recorder, times, progress }) {
    progress('abort');
    const ours = setup.startBridge();
    const holding = await Holding.start(setup);
    await ours.request('open 1');
    await ours.request('handover 1');
    // What the first use of each brings for good: the cache's watch of the readers, a card's watched descriptor.
    await ours.request(`session-transactions 1 ${EMPTY}`);
    await ours.request('churn 1 0');
    const { daemonPid } = setup;
    const left = async () => {
      const { threads, descriptors } = await ours.request<Usage>('usage');
      const daemonDescriptors = daemonPid === undefined ? undefined : descriptorsOf(daemonPid);
      return { threads, descriptors, daemonDescriptors };
    };
    await sleep(times(SETTLING, 0));
    const before = await left();
    const ms: Record<string, number[]> = {};
    for (let batch = 0; batch < times(10, 1); batch++) {
      await holding.begin();
      for (const kind of kinds) {
        const aborts = await ours.request<{ ms: number[] }>(`abort ${kind} ${BATCH}`);
        ms[kind] = [...(ms[kind] ?? []), ...aborts.ms];
      }
      await holding.end();
      await sleep(200);
    }
    let after = await left();
    const until = now() + times(SETTLING + 4000, 0);
    while (now() < until && (after.threads > before.threads || after.descriptors > before.descriptors)) {
      await sleep(250);
      after = await left();
    }
    const all = Object.values(ms).flat();
    recorder.metric('abort_ms_p99', percentile(all, 99));
    recorder.detail('abort_ms_p99', {
      aborts: all.length,
      worstMs: Math.max(...all),
      byKind: Object.fromEntries(kinds.map((kind) => [kind, spread(ms[kind] ?? [])])),
      ...(times(1, 0) ? { before, after } : {}),
    });
    await Promise.all([ours.stop(), holding.stop()]);
  },
};
