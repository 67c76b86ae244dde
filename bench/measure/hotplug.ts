/** Cards come and go: how much later than a program in C do we hear of it? */
import { sleep } from '../clock.js';
import { setUp } from '../setup.js';
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
    await using setup = await setUp(READERS);
    // A second program in C says how much of the difference is the daemon's: it tells one after another.
    const clients = [setup.startC(), setup.startBridge(), setup.startC('second C')];
    for (const client of clients) await client.request(`watch ${READER}`);
    const behind: number[] = [];
    const secondBehind: number[] = [];
    for (let i = 0; i < times(40, 6); i++) {
      const events = clients.map((client) => client.request<{ at: number }>('next'));
      await sleep(50);
      await setup.cards.request(`${i % 2 === 0 ? 'insert' : 'remove'} ${READER}`);
      const [c = 0, ours = 0, second = 0] = (await Promise.all(events)).map(({ at }) => at);
      behind.push(ours - c);
      secondBehind.push(second - c);
    }
    recorder.metric('hotplug_behind_c_ms', median(behind));
    recorder.detail('hotplug_behind_c_ms', {
      events: behind.length,
      behindMs: spread(behind),
      secondCBehindMs: spread(secondBehind),
    });
  },
};
