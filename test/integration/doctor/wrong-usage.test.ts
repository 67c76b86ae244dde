import { expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';

const cases: [string, string[], RegExp][] = [
  ['an unknown option', ['--fix'], /unknown option '--fix'/],
  ['an argument', ['now'], /too many arguments/],
  ['a setting that is neither 1 nor 0', ['--set-filter', '2'], /Allowed choices are 1, 0/],
  ['a setting without its value', ['--set-filter'], /argument missing/],
  ['--yes without anything to write', ['--yes'], /goes with --set-filter/],
];

it.each(cases)('%s is rejected with a sentence and status 2', async (_what, args, message) => {
  const { code, stdout, stderr } = await runCli(['doctor', ...args]);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

it.skipIf(process.platform === 'win32').each([['--yes'], []])(
  'without a registry the setting is the environment variable, and the doctor says so (%s)',
  async (...yes) => {
    const { code, stdout, stderr } = await runCli(['doctor', '--set-filter', '1', ...yes]);
    expect(stderr).toContain('FilterCSPCardCacheByTSSessionConnectTime=1');
    expect(stdout).toBe('');
    expect(code).toBe(2);
  },
);

it('the help explains the exit status', async () => {
  const { code, stdout } = await runCli(['doctor', '--help']);
  expect(stdout).toContain('Exit status: 0 if no action is required');
  expect(code).toBe(0);
});
