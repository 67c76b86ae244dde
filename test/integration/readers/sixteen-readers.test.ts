import { expect, it } from 'vitest';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { forThisTest, openBridge, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 16 });
const session = await openBridge().openSession();

it('a watch covers the 16 readers that pcsc-lite supports, and reports a card in the last one', async () => {
  await using watch = session.watch();
  const added: string[] = [];
  while (added.length < 16) {
    const { value } = await watch.next();
    expect(value.type).toBe('reader-added');
    added.push(value.reader);
  }
  expect(added.sort()).toEqual(rig.readers.map(({ name }) => name).sort());
  const last = rig.readers[15] as (typeof rig.readers)[number];
  await using _card = forThisTest(await createPivCard({ port: last.port }));
  expect((await watch.next()).value).toMatchObject({ type: 'card-inserted', reader: last.name });
});
