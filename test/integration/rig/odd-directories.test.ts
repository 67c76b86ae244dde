/** TMPDIR has a name that pcscd's configuration cannot express. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test, vi } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';

const work = mkdtempSync(join(tmpdir(), 'r'));
afterAll(() => {
  vi.unstubAllEnvs();
  rmSync(work, { recursive: true });
});

test.each(['a b', 'ü', 'a"b', 'a#b'])('with TMPDIR .../%s, a rig runs in another directory', async (name) => {
  const directory = join(work, name);
  mkdirSync(directory);
  vi.stubEnv('TMPDIR', directory);
  await using rig = await Rig.start({ slots: 2 });
  expect(rig.readers).toHaveLength(2);
  expect(readdirSync(directory)).toEqual([]);
});
