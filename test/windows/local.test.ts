import { expect, test } from 'vitest';
import { runNode } from './wine.js';

test.each([20, 24, 'ia32'] as const)(
  'Node.js %s: a server on a named pipe identifies its clients, and they identify the server',
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
    const { id, connectTime, source } = answer['own'] as Record<string, unknown>;
    // With the account that the client runs as, a name and a SID.
    const identity = {
      id,
      connectTime,
      source,
      user: expect.stringMatching(/^[^\\]+\\[^\\]+$/),
      userId: expect.stringMatching(/^S-1-5-/),
    };
    expect(answer['identity']).toEqual(identity);
    expect(answer['opened']).toEqual(identity);
    // Through Node's own client, which sends nothing about itself: the peer is its process.
    expect(answer['plainUser']).toBe((answer['identity'] as typeof identity).userId);
    expect(answer['listenerUser']).toBe((answer['identity'] as typeof identity).userId);
    expect(answer['limited']).toEqual(['maxConnectionsPerUser']);
  },
);

test('a process and a worker end while they listen', async () => {
  expect(await runNode(20, 'local-exit.mjs')).toEqual({ terminated: 1 });
});
