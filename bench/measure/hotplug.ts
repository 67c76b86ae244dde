/** Cards come and go: how much later than a program in C do we hear of it? */
import { sleep } from '../clock.js';
import { setStage } from '../stage.js';
import { median, spread } from '../statistics.js';
import type { Measurement } from './measure.js';

/** A few, as most hosts have. */
const READERS = 4;
/** A reader without a card so far. */
const READER = 2;

export const hotplug: Measurement = {
  name: 'hotplug',
  metrics: ['hotplug_behind_c_ms'],
  async run({ recorder, times, progress }) {
    progress('hotplug');
    await using stage = await setStage(READERS);
    const [c, ours] = [stage.startC(), stage.startBridge()];
    await Promise.all([c, ours].map((client) => client.request(`watch ${READER}`)));
    const behind: number[] = [];
    for (let i = 0; i < times(40, 6); i++) {
      const events = [c, ours].map((client) => client.request<{ at: number }>('next'));
      await sleep(50);
      await stage.cards.request(`${i % 2 === 0 ? 'insert' : 'remove'} ${READER}`);
      const [inC, inOurs] = await Promise.all(events);
      behind.push((inOurs?.at ?? Number.NaN) - (inC?.at ?? Number.NaN));
    }
    recorder.metric('hotplug_behind_c_ms', median(behind));
    recorder.detail('hotplug_behind_c_ms', { events: behind.length, behindMs: spread(behind) });
  },
};
