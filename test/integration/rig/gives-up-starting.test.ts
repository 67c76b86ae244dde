import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';

const before = process.env['TMPDIR'];
let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'r'));
  process.env['TMPDIR'] = directory;
});

afterEach(() => {
  if (before === undefined) {
    delete process.env['TMPDIR'];
  } else {
    process.env['TMPDIR'] = before;
  }
  rmSync(directory, { recursive: true });
});

test('a start that is aborted beforehand creates nothing', async () => {
  const signal = AbortSignal.abort(new Error('not wanted'));
  await expect(Rig.start({ slots: 1, signal })).rejects.toThrow('not wanted');
  expect(readdirSync(directory)).toEqual([]);
});

test.each([0, 1, 5, 10, 20])('a start that is aborted after %d ms leaves nothing', async (delay) => {
  const controller = new AbortController();
  setTimeout(() => controller.abort(new Error('not wanted')), delay);
  const outcome = await Rig.start({ slots: 16, signal: controller.signal }).catch((error: Error) => error);
  if (outcome instanceof Rig) {
    // It was faster than the abort, which has no effect then.
    await outcome.stop();
  } else {
    expect(outcome.message).toBe('not wanted');
  }
  expect(readdirSync(directory)).toEqual([]);
});

test('a start that takes too long reports that and leaves nothing', async () => {
  await expect(Rig.start({ slots: 16, timeout: 1 })).rejects.toMatchObject({
    code: 'RIG_START_FAILED',
    message: expect.stringContaining('within 1 ms'),
  });
  expect(readdirSync(directory)).toEqual([]);
});
