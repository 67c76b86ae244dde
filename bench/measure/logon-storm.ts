/** Everyone logs on at once: 64 sessions on 16 cards, each with begin, six APDUs, and an end that resets the card. */
import type { Client } from '../client.js';
import { C, Comparison, OURS, prepare } from '../contenders.js';
import { processorMs } from '../processes.js';
import { type Setup, setUp } from '../setup.js';
import { median } from '../statistics.js';
import { EMPTY, type Measurement } from './measure.js';

const CARDS = 16;
const LOGONS_PER_CARD = 4;
const APDUS = 6;

/** By kind of call, or by process. */
type Parts = Record<string, number>;

export const logonStorm: Measurement = {
  name: 'logon-storm',
  metrics: ['logon_storm_vs_c'],
  async run({ recorder, times, progress }) {
    await using setup = await setUp(CARDS, CARDS);
    const comparison = new Comparison('logon_storm', 'ms');
    /** Mean microseconds of a logon. */
    const phases: Record<string, Parts[]> = { [C]: [], [OURS]: [] };
    /** Milliseconds of processor time of a storm. */
    const processors: Record<string, Parts[]> = { [C]: [], [OURS]: [] };
    const starts = times(4, 1);
    for (let start = 1; start <= starts; start++) {
      progress(`logon_storm, start ${start} of ${starts}`);
      const contenders = [
        { name: C, client: setup.startC() },
        { name: OURS, client: setup.startBridge() },
      ];
      await prepare(contenders, [`open ${CARDS}`]);
      await comparison.run(contenders, times(25, 15), async (client: Client, name: string) => {
        const order = `storm ${CARDS} ${LOGONS_PER_CARD} ${APDUS} ${EMPTY}`;
        const before = processorTimes(setup);
        const storm = await client.request<{ ms: number; us: Parts; processorMs: number }>(order);
        const others = difference(processorTimes(setup), before);
        phases[name]?.push(storm.us);
        processors[name]?.push({ client: storm.processorMs, ...others });
        return [storm.ms];
      });
      await Promise.all(contenders.map(({ client }) => client.stop()));
    }
    comparison.record(recorder);
    recorder.detail('logon_storm_parts', {
      logons: CARDS * LOGONS_PER_CARD,
      apdusPerLogon: APDUS,
      usPerLogon: byName(phases),
      processorMsPerStorm: byName(processors),
    });
  },
};

function processorTimes({ daemonPid, cards }: Setup): Parts {
  const daemon = daemonPid === undefined ? Number.NaN : processorMs(daemonPid);
  return { daemon, cards: processorMs(cards.pid) };
}

function difference(after: Parts, before: Parts): Parts {
  return Object.fromEntries(
    Object.entries(after).map(([part, value]) => [part, value - (before[part] as number)]),
  );
}

function byName(all: Record<string, Parts[]>): Record<string, Parts> {
  return Object.fromEntries(Object.entries(all).map(([name, rounds]) => [name, medians(rounds)]));
}

function medians(rounds: readonly Parts[]): Parts {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((parts) => parts[name] as number))]),
  );
}
