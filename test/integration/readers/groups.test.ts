import { expect, test } from 'vitest';
import { openBridge, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
const session = await openBridge().openSession();
const names = rig.readers.map(({ name }) => name);

test('pcsc-lite has one group, which contains all readers', async () => {
  const groups = await session.listReaderGroups();
  expect(groups).toEqual(['SCard$DefaultReaders']);
  expect(await session.listReaders({ groups })).toEqual(names);
  expect(await session.listReaders({ groups: [] })).toEqual(names);
});

test.each([['SCard$DefaultReaders'], [['']], [['a\0b']], [[1]]])('groups: %j is rejected', async (groups) => {
  await expect(session.listReaders({ groups: groups as never })).rejects.toThrow(/groups must be an array/);
});
