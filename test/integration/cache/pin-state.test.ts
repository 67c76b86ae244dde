import { expect, it } from 'vitest';
import { readCertificate, selectPiv, sign, verifyPin } from '../../../src/piv/index.js';
import { runChild } from '../../support/child.js';
import { insertPiv, openBridge, readerAt, startRig } from '../../support/rig.js';

const pin = '314159';
const rig = await startRig({ slots: 1 });
const piv = await insertPiv(rig, 0, { pin });
const { name } = readerAt(rig);
const digest = new Uint8Array(32).fill(7);

it('another bridge of the process resets the card before another identity gets it', async () => {
  const anna = await openBridge().openSession({ id: 11, connectTime: 100n });
  const bert = await openBridge().openSession({ id: 12, connectTime: 100n });
  await anna.transaction(name, async (card) => {
    await selectPiv(card);
    await verifyPin(card, pin);
  });
  expect(piv.piv.pin.verified).toBe(true);
  await bert.transaction(name, async (card) => {
    await selectPiv(card);
    const { publicKey } = await readCertificate(card);
    await expect(sign(card, '9A', digest, publicKey)).rejects.toMatchObject({ code: 'PIV_PIN_REQUIRED' });
  });
});

it('close() of a session resolves after its cached card is reset, even if the process then exits', async () => {
  for (let round = 0; round < 5; round++) {
    const { code, stderr } = await runChild(`
      const { CardBridge } = await import(bridge);
      const { selectPiv, verifyPin } = await import(bridge.replace('index.js', 'piv/index.js'));
      const session = await new CardBridge().openSession({ id: 21, connectTime: 1n });
      await session.transaction(${JSON.stringify(name)}, async (card) => {
        await selectPiv(card);
        await verifyPin(card, '${pin}');
      });
      await session.close();
      process.exit(0);
    `);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(piv.piv.pin.verified).toBe(false);
  }
});
