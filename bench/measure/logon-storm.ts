/** Everyone logs on at once: 64 sessions on 16 cards, each with begin, six APDUs, and an end that resets the card. */
import type { Client } from '../client.js';
import { C, Comparison, OURS, prepare } from '../contenders.js';
import { setStage } from '../stage.js';
import { median } from '../statistics.js';
import { EMPTY, type Measurement } from './measure.js';

const CARDS = 16;
const LOGONS_PER_CARD = 4;
const APDUS = 6;

/** Mean microseconds of a logon, by kind of call. */
type Phases = Record<string, number>;

export const logonStorm: Measurement = {
  name: 'logon-storm',
  metrics: ['logon_storm_vs_c'],
  async run({ recorder, times, progress }) {
    await using stage = await setStage(CARDS, CARDS);
    const comparison = new Comparison('logon_storm', 'ms');
    const phases: Record<string, Phases[]> = { [C]: [], [OURS]: [] };
    const starts = times(4, 1);
    for (let start = 1; start <= starts; start++) {
      progress(`logon_storm, start ${start} of ${starts}`);
      const contenders = [
        { name: C, client: stage.startC() },
        { name: OURS, client: stage.startBridge() },
      ];
      await prepare(contenders, [`open ${CARDS}`]);
      await comparison.run(contenders, times(25, 15), async (client: Client, name: string) => {
        const order = `storm ${CARDS} ${LOGONS_PER_CARD} ${APDUS} ${EMPTY}`;
        const { ms, us } = await client.request<{ ms: number; us: Phases }>(order);
        phases[name]?.push(us);
        return [ms];
      });
      await Promise.all(contenders.map(({ client }) => client.stop()));
    }
    comparison.record(recorder);
    recorder.detail('logon_storm_us_per_logon', {
      logons: CARDS * LOGONS_PER_CARD,
      apdusPerLogon: APDUS,
      ...Object.fromEntries(Object.entries(phases).map(([name, rounds]) => [name, medians(rounds)])),
    });
  },
};

function medians(rounds: readonly Phases[]): Phases {
  const names = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    names.map((name) => [name, median(rounds.map((phases) => phases[name] as number))]),
  );
}
