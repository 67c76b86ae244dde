import { expect, test } from 'vitest';
import { CardBridge } from '../../../src/index.js';
import { createPivCard } from '../../../src/testing/virtual/index.js';
import { selectPiv, sw } from '../../support/piv-host.js';
import { sockets } from '../../support/process.js';
import { readerAt, startRig } from '../../support/rig.js';
import { durationOf, errorOf } from '../../support/time.js';

const rig = await startRig({ slots: 2 });
const { name: reader, port } = readerAt(rig);
const noService = { name: 'PcscError', code: 'SCARD_E_NO_SERVICE', value: 0x8010001d };

test('without a daemon each call fails at once with what to do, and works when the daemon runs', async () => {
  await rig.killDaemon();
  await using bridge = new CardBridge();
  await using session = await bridge.openSession();
  const attempts = [
    () => session.listReaders(),
    () => session.connect(reader),
    () => session.transaction(reader, () => {}),
  ];
  for (const attempt of attempts) {
    const error = await errorOf<Error>(attempt());
    expect(error).toMatchObject({ ...noService, operation: 'SCardEstablishContext' });
    expect(error.message).toContain('start pcscd');
    expect(await durationOf(attempt())).toBeLessThan(500);
  }
  const before = sockets();
  await Promise.all(Array.from({ length: 50 }, () => Promise.all(attempts.map((one) => errorOf(one())))));
  expect(sockets()).toBeLessThanOrEqual(before);
  expect(bridge.cache.entries()).toEqual([]);

  await rig.restartDaemon();
  await using _card = await createPivCard({ port });
  expect(await session.listReaders()).toContain(reader);
  await using card = await session.connect(reader);
  expect(await sw(card, selectPiv)).toBe(0x9000);
  expect(await session.transaction(reader, (tx) => sw(tx, selectPiv))).toBe(0x9000);
});
