import { expect, test } from 'vitest';
import { runNode } from './wine.js';

interface Answer {
  platform: string;
  arch: string;
  own: { id: number; connectTime: string; user: string; source: string };
  ofChild: { id: number; connectTime: string };
  nobody: string;
}

test.each([20, 24] as const)(
  'Node.js %i: a process is told its terminal session, its own and another',
  async (name) => {
    const { platform, arch, own, ofChild, nobody } = await runNode<Answer>(name, 'session.mjs');
    expect([platform, arch]).toEqual(['win32', 'x64']);
    // Wine knows the session's number and user, but not when it was connected: 0 says so.
    expect(own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
    expect(own.user).toMatch(/^[^\\]+\\root$/);
    expect(ofChild).toMatchObject({ id: 1, connectTime: '0' });
    expect(nobody).toBe('BRIDGE_E_SESSION_UNKNOWN');
  },
);

test('the same where Windows says it is Server 2008', async () => {
  const options = { windows: 'win2008', env: { NODE_SKIP_PLATFORM_CHECK: '1' } };
  const { own } = await runNode<Answer>(20, 'session.mjs', [], options);
  expect(own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
});
