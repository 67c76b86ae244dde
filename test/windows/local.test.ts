import { expect, test } from 'vitest';
import { runNode } from './wine.js';

test.each([20, 24, 'ia32'] as const)(
  'Node.js %s: a server on a named pipe knows who connects, and its clients who listens',
  async (name) => {
    const answer = await runNode<Record<string, unknown>>(name, 'local.mjs');
    expect(answer).toMatchObject({
      said: true,
      ofChild: true,
      self: true,
      listener: true,
      before: 0,
      heard: 'plain',
      got: 3_000_000,
      group: 'TypeError',
      noPath: 'SCARD_E_INVALID_PARAMETER',
      nobody: 'SCARD_E_NO_SERVICE',
      refused: [],
    });
    expect(answer['identity']).toEqual(answer['own']);
    expect(answer['opened']).toEqual(answer['own']);
  },
);

test('a process and a worker end while they listen', async () => {
  expect(await runNode(20, 'local-exit.mjs')).toEqual({ terminated: 1 });
});
