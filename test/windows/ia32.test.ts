import { expect, test } from 'vitest';
import { insertPiv, readerAt, startRig } from '../support/rig.js';
import { runNode } from './wine.js';

const rig = await startRig({ slots: 1 });
await insertPiv(rig);

test('the 32-bit addon loads in a 32-bit Node.js and knows the session', async () => {
  const answer = await runNode<{ arch: string; own: object }>('ia32', 'session.mjs');
  expect(answer.arch).toBe('ia32');
  expect(answer.own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
});

test('where the PC/SC library refuses, as Wine does with 32-bit programs, the error tells what it said', async () => {
  const failing = runNode('ia32', 'cards.mjs', [readerAt(rig).name], { rig });
  await expect(failing).rejects.toThrow(/PcscError.*SCardEstablishContext/s);
});
