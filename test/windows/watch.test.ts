import { expect, test } from 'vitest';
import { createPivCard } from '../../src/testing/virtual/index.js';
import { readerAt, startRig, takeOut } from '../support/rig.js';
import { WineRun } from './wine.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);

/**
 * Fraction of a processor. Wine's SCardGetStatusChange returns at once, changed or not: a bare loop around it takes
 * more than 0.15 even if other programs need the processors, and the watch takes 0.005.
 */
const idle = 0.03;

test.each([20, 24] as const)(
  'Node.js %i reports inserted and removed cards, and uses almost no processor time in between',
  async (name) => {
    await using run = WineRun.node(name, 'watch.mjs', ['4'], { rig });
    await run.said(new RegExp(`reader-added ${reader}`));
    const card = await createPivCard({ port });
    const atr = Buffer.from(card.atr).toString('hex');
    await run.said(new RegExp(`card-inserted ${reader} ${atr}`));
    await takeOut(card);
    await run.said(new RegExp(`card-removed ${reader}`));
    const [, load] = await run.said(/load (.*)/);
    expect(Number(load)).toBeLessThan(idle);
    const { code, stdout } = await run.ended;
    expect(code).toBe(0);
    const events = stdout.split('\n').map((line) => line.split(' ')[0]);
    expect(events.filter((type) => type === 'card-inserted')).toHaveLength(1);
    expect(events.filter((type) => type === 'card-removed')).toHaveLength(1);
  },
);

test('the reported processor time of a busy program is high', async () => {
  await using run = WineRun.node(20, 'watch.mjs', ['2', 'busy'], { rig });
  const [, load] = await run.said(/load (.*)/);
  expect(Number(load)).toBeGreaterThan(3 * idle);
});
