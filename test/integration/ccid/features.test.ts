import { expect, test } from 'vitest';
import { controlCode, readFeatures, readProperties } from '../../../src/ccid/index.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const rig = await startRig({ slots: 2 });
await insertPiv(rig);
const session = await openBridge().openSession();
const { name: reader } = readerAt(rig);

/** vpcd has no features up to 3.3. Since then it reports one, about the size of APDUs. */
const known = [
  { features: {}, properties: {} },
  { features: { getTlvProperties: controlCode(0) + 0x330012 }, properties: { maxApduDataSize: 65_536 } },
];

test('features are the same from a card, a transaction, and a reader without a card', async () => {
  await using card = await session.connect(reader);
  await using empty = await session.connect(readerAt(rig, 1).name, { shareMode: 'direct' });
  const features = await readFeatures(card);
  const properties = await readProperties(card);
  expect(known).toContainEqual({ features, properties });
  expect(await card.transaction((tx) => readFeatures(tx))).toEqual(features);
  expect(await readFeatures(empty)).toEqual(features);
  expect(await readProperties(empty, { features })).toEqual(properties);
});

test('a function that the driver does not know is an error', async () => {
  await using card = await session.connect(reader);
  await expect(card.control(controlCode(1))).rejects.toMatchObject({
    code: 'SCARD_E_UNSUPPORTED_FEATURE',
    operation: 'SCardControl',
  });
});

test('a request for features ends with its signal', async () => {
  await using card = await session.connect(reader);
  const signal = AbortSignal.abort();
  await expect(readFeatures(card, { signal })).rejects.toMatchObject({ name: 'AbortError' });
  expect(known.map(({ features }) => features)).toContainEqual(await readFeatures(card));
});
