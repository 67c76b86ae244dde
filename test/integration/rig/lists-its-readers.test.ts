import { describe, expect, test } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';
import { listWithOpensc, listWithPcscScan } from './helpers.js';

describe('a rig lists its readers to every client', () => {
  test('with one slot, under the reported name, next to the empty second slot of the device', async () => {
    await using rig = await Rig.start({ slots: 1 });
    expect(rig.readers.map(({ name }) => name)).toEqual(['Virtual Reader A 00 00']);
    const listed = await listWithOpensc(rig);
    expect(listed).toEqual([
      { name: 'Virtual Reader A 00 00', hasCard: false },
      { name: 'Virtual Reader A 00 01', hasCard: false },
    ]);
  });

  test('with sixteen slots, in order', async () => {
    await using rig = await Rig.start({ slots: 16 });
    const names = rig.readers.map(({ name }) => name);
    expect(new Set(names).size).toBe(16);
    expect(new Set(rig.readers.map(({ port }) => port)).size).toBe(16);
    expect((await listWithOpensc(rig)).map(({ name }) => name)).toEqual(names);
    expect(await listWithPcscScan(rig)).toEqual(names);
  });

  test('with custom names', async () => {
    await using rig = await Rig.start({ slots: 4, names: ['Front desk', 'Back office (2nd floor)'] });
    const names = ['Front desk 00 00', 'Front desk 00 01'];
    names.push('Back office (2nd floor) 00 00', 'Back office (2nd floor) 00 01');
    expect(rig.readers.map(({ name }) => name)).toEqual(names);
    expect((await listWithOpensc(rig)).map(({ name }) => name)).toEqual(names);
  });
});
