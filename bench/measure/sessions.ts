/** A terminal server's thousand sessions in one process: whether all of them work, and what they cost. */
import type { Client } from '../client.js';
import { sleep } from '../clock.js';
import { clientsOf, PeakCounter, threadsOf } from '../processes.js';
import { type Setup, setUp } from '../setup.js';
import { EMPTY, type Measurement } from './measure.js';

const SESSIONS = 1000;
const READERS = 16;
/** Calls at the same time. */
const WIDTH = 64;
/** As many as the card cache keeps connected by default: from here on another session brings no connected card. */
const FIRST = 64;
/**
 * V8's young generation has its full size from the start, and the first rounds touch all of it. Otherwise it grows at
 * some point in the measurement, by more than all the sessions take.
 */
const YOUNG_GENERATION = '--min-semi-space-size=16';
/** In milliseconds. A call itself may take 10 s until it counts as failed. */
const LIMIT = 300_000;

interface Usage {
  rss: number;
  heapUsed: number;
  heapTotal: number;
}

/** Calls that failed, by what they say. */
type Failures = Record<string, number>;

interface Calls {
  ms: number;
  failures: Failures;
}

export const sessions: Measurement = {
  name: 'sessions',
  metrics: [
    'sessions1000_failures',
    'sessions1000_contexts',
    'sessions1000_threads',
    'sessions1000_kib_per_session',
    'sessions1000_idle_cpu_percent',
  ],
  async run({ recorder, times, progress }) {
    await using setup = await setUp(READERS, READERS);
    const { daemonPid } = setup;
    if (daemonPid === undefined) throw new Error('the daemon is not to be found in /proc');
    const contextsBefore = clientsOf(daemonPid);
    const ours = setup.startBridge('pcsc-bridge', ['--expose-gc', YOUNG_GENERATION]);
    await ours.request('version'); // it is running
    const threadsBefore = threadsOf(ours.pid);
    const counter = new PeakCounter({
      threads: () => threadsOf(ours.pid),
      contexts: () => clientsOf(daemonPid) - contextsBefore,
    });
    const call = (order: string) => ours.request<Calls>(order, LIMIT);

    progress(`sessions: the first ${FIRST}`);
    const first = await call(`sessions ${FIRST} ${EMPTY}`);
    const warming = await call(`sessions-again ${WIDTH} ${times(120, 60)} ${EMPTY}`);
    const before = await ours.request<Usage>('usage');

    progress(`sessions: ${SESSIONS}, one after another`);
    const others = await call(`sessions ${SESSIONS} ${EMPTY}`);
    progress(`sessions: ${SESSIONS}, ${WIDTH} at a time`);
    const again = await call(`sessions-again ${WIDTH} ${times(3, 1)} ${EMPTY}`);
    const after = await ours.request<Usage>('usage');

    progress('sessions: idle');
    const idle = await idlePercent(ours, times(10_000, 5000));
    progress('sessions: a card is taken out');
    const heard = await cardRemoved(setup, ours);
    counter.stop();

    const failures = sum(
      [first, warming, others, again].map((calls) => calls.failures).concat(heard.failures),
    );
    const added = SESSIONS - FIRST;
    const kib = (field: keyof Usage) => (after[field] - before[field]) / 1024 / added;
    recorder.metric('sessions1000_failures', total(failures));
    recorder.metric('sessions1000_contexts', counter.peak.contexts);
    recorder.metric('sessions1000_threads', counter.peak.threads);
    recorder.metric('sessions1000_kib_per_session', kib('rss'));
    recorder.metric('sessions1000_idle_cpu_percent', idle);
    recorder.detail('sessions1000', {
      sessions: SESSIONS,
      readers: READERS,
      failures,
      threadsBefore,
      msPerSessionOneAfterAnother: others.ms / added,
      msAtATime: { width: WIDTH, rounds: times(3, 1), ms: again.ms },
      kibPerSession: {
        resident: kib('rss'),
        heapUsed: kib('heapUsed'),
        heapTotal: kib('heapTotal'),
        over: added,
      },
      rssMib: [before.rss / 2 ** 20, after.rss / 2 ** 20],
      msUntilAllWatchesReportARemovedCard: heard.ms,
    });
    await ours.stop();
  },
};

/** Percent of a core, over `milliseconds` in which nothing happens. */
async function idlePercent(ours: Client, milliseconds: number): Promise<number> {
  await sleep(500);
  const before = await ours.request<{ us: number; at: number }>('processor-time');
  await sleep(milliseconds);
  const after = await ours.request<{ us: number; at: number }>('processor-time');
  return (100 * (after.us - before.us)) / 1000 / (after.at - before.at);
}

/** Takes a card out: every watch has to report it. */
async function cardRemoved(setup: Setup, ours: Client): Promise<Calls> {
  const heard = ours.request<Calls>('sessions-hear 0');
  await setup.cards.request('remove 0');
  return heard;
}

function sum(all: readonly Failures[]): Failures {
  const failures: Failures = {};
  for (const some of all) {
    for (const [what, count] of Object.entries(some)) failures[what] = (failures[what] ?? 0) + count;
  }
  return failures;
}

function total(failures: Failures): number {
  return Object.values(failures).reduce((whole, count) => whole + count, 0);
}
