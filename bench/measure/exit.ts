/** Processes that end while a call of theirs is blocked. */
import { sleep } from '../clock.js';
import { Holding } from './holding.js';
import type { Measurement } from './measure.js';

const kinds = ['connect', 'begin', 'transmit'] as const;
/** 'natural': the blocked call has met its timeout, and there is nothing more to do. */
const ways = ['process.exit', 'natural', 'uncaught'] as const;

export const exit: Measurement = {
  name: 'exit',
  metrics: ['exit_blocked_s'],
  async run({ setup, recorder, progress }) {
    progress('exit_blocked');
    const holding = await Holding.start(setup);
    const seconds: Record<string, number> = {};
    for (const kind of kinds) {
      for (const way of ways) {
        const ours = setup.startBridge();
        await ours.request('open 1');
        await ours.request('handover 1');
        await holding.begin();
        const { at } = await ours.request<{ at: number }>(`exit ${kind} ${way}`);
        const exited = await Promise.race([ours.exited, sleep(5000).then(() => at + 5000)]);
        seconds[`${kind} ${way}`] = (exited - at) / 1000;
        await holding.end();
        await ours.stop();
      }
    }
    recorder.metric('exit_blocked_s', Math.max(...Object.values(seconds)));
    recorder.detail('exit_blocked_s', { holdS: 5, seconds });
    await holding.stop();
  },
};
