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
  'Node.js %i: a process gets its terminal session, for itself and another process',
  async (name) => {
    const { platform, arch, own, ofChild, nobody } = await runNode<Answer>(name, 'session.mjs');
    expect([platform, arch]).toEqual(['win32', 'x64']);
    // Wine knows the session's number and user, but not its connect time: it is 0.
    expect(own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
    expect(own.user).toMatch(/^[^\\]+\\root$/);
    expect(ofChild).toMatchObject({ id: 1, connectTime: '0' });
    expect(nobody).toBe('BRIDGE_E_SESSION_UNKNOWN');
  },
);

test('on Windows that reports to be Server 2008 a process gets its terminal session, too', async () => {
  const options = { windows: 'win2008', env: { NODE_SKIP_PLATFORM_CHECK: '1' } };
  const { own } = await runNode<Answer>(20, 'session.mjs', [], options);
  expect(own).toMatchObject({ id: 1, connectTime: '0', source: 'wts' });
});
