import { expect, test } from 'vitest';
import { CardHold } from '../../../src/testing/rig/hold.js';
import { killHolder } from '../../support/holder.js';
import { logOn } from '../../support/piv-host.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';
import { staysPending } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const virtual = await insertPiv(rig);
const bridge = openBridge();
const session = await bridge.openSession();
const { name: reader } = readerAt(rig);

test('waiting operations continue when the process that holds the card is killed', async () => {
  await using card = await session.connect(reader);
  await session.transaction(reader, () => {});
  for (let times = 0; times < 3; times++) {
    const holder = await CardHold.start(reader);
    const waits = [
      card.transaction((tx) => logOn(tx, virtual)),
      session.transaction(reader, (tx) => logOn(tx, virtual)),
      session.connect(reader).then(async (one) => {
        await using _it = one;
        return await one.transaction((tx) => logOn(tx, virtual));
      }),
      bridge.openSession({ id: 9, connectTime: 9n }).then(async (one) => {
        await using _it = one;
        return await one.transaction(reader, (tx) => logOn(tx, virtual));
      }),
    ];
    expect(await staysPending(Promise.race(waits))).toBe(true);
    await killHolder(holder);
    expect(await Promise.all(waits)).toEqual([true, true, true, true]);
  }
});
