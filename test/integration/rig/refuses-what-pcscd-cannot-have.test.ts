import { expect, test } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';

test.each([0, 17, 1.5, Number.NaN])('a rig rejects %d slots', async (slots) => {
  await expect(Rig.start({ slots })).rejects.toThrow(RangeError);
});

test.each([
  ['too few names', ['one']],
  ['equal names', ['same', 'same']],
  ['a name with a quote', ['one', 'tw"o']],
  ['a name with a line break', ['one', 'two\nLIBPATH /tmp/x.so']],
  ['an empty name', ['one', '']],
  ['a name longer than a reader name', ['one', 'x'.repeat(101)]],
])('a rig rejects %s', async (_, names) => {
  await expect(Rig.start({ slots: 4, names })).rejects.toThrow(TypeError);
});
