import { describe, expect, test } from 'vitest';
import { CardHold } from '../../src/testing/rig/hold.js';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { WineRun } from './wine.js';

const rig = await startRig({ slots: 2 });
for (const slot of [0, 1]) await insertPiv(rig, slot);
const reader = readerAt(rig, 0).name;
const free = readerAt(rig, 1).name;

interface Timed {
  name: string;
  took: number;
}
type Answer = Record<
  'transactionTimeout' | 'transactionAbort' | 'connectTimeout' | 'freeTransmit' | 'readFile' | 'afterwards',
  Timed
>;

describe.each([20, 24] as const)('Node.js %i, while another process holds the card', (name) => {
  test('waits end by timeout and signal, other work continues, and the card can be used afterwards', async () => {
    await using run = WineRun.node(name, 'waits.mjs', [reader, free], { rig });
    await run.said(/connected/);
    const holder = await CardHold.start(reader);
    await run.said(/let go/);
    await holder.release();
    const answer = await run.answer<Answer>();

    expect(answer.transactionTimeout.name).toBe('TimeoutError');
    expect(answer.transactionAbort.name).toBe('AbortError');
    expect(answer.connectTimeout.name).toBe('TimeoutError');
    for (const wait of ['transactionTimeout', 'transactionAbort', 'connectTimeout'] as const) {
      expect(answer[wait].took, wait).toBeGreaterThan(250);
      expect(answer[wait].took, wait).toBeLessThan(1500);
    }
    for (const work of ['freeTransmit', 'readFile'] as const) {
      expect(answer[work].name, work).toBe('done');
      expect(answer[work].took, work).toBeLessThan(1000);
    }
    expect(answer.afterwards.name).toBe('done');
  });

  test('a process with blocked operations ends at once', async () => {
    await using _held = await CardHold.start(reader);
    await using run = WineRun.node(name, 'exit.mjs', [reader], { rig });
    await run.said(/now/);
    const start = performance.now();
    const { code, stderr } = await run.ended;
    expect(code, stderr).toBe(7);
    expect(performance.now() - start).toBeLessThan(3000);
  });
});
