import { expect, test } from 'vitest';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { runNode } from './wine.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);

test('Node.js ia32 loads the 32-bit addon, which reports the session', async () => {
  const answer = await runNode<{ arch: string; own: object }>('ia32', 'session.mjs');
  expect(answer.arch).toBe('ia32');
  expect(answer.own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
});

test('Node.js ia32: if the PC/SC library refuses, as Wine does with 32-bit programs, the error has its code', async () => {
  const failing = runNode('ia32', 'cards.mjs', [readerAt(rig).name], { rig });
  await expect(failing).rejects.toThrow(/PcscError.*SCardEstablishContext/s);
});
