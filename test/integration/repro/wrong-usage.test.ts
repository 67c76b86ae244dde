import { expect, it } from 'vitest';
import { runCli } from './run-cli.js';

const cases: [string, string[], RegExp, code?: number][] = [
  ['an unknown command', ['reproduce'], /unknown command 'reproduce'/],
  ['an unknown option', ['repro', '--wait'], /unknown option '--wait'/],
  ['one session', ['repro', '--sessions', '1'], /whole number from 2 to 16/],
  ['a hold that is no number', ['repro', '--hold', 'long'], /whole number from 200 to 600000/],
  ['an unknown filter', ['repro', '--filter', 'maybe'], /Allowed choices are off, on, both/],
  ['a single reader', ['repro', '--reader', 'A'], /give --reader at least twice/, 1],
  ['the same reader twice', ['repro', '--reader', 'A', '--reader', 'A'], /give --reader at least twice/, 1],
];

it.each(cases)('%s is refused with a sentence', async (_what, args, message, status = 2) => {
  const { code, stdout, stderr } = await runCli(args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(stdout).toBe('');
  expect(code).toBe(status);
});

it('without a PIN for real cards it says where to put it', async () => {
  const { code, stderr } = await runCli(['repro', '--reader', 'A', '--reader', 'B'], { PCSC_BRIDGE_PIN: '' });
  expect(stderr).toContain('PCSC_BRIDGE_PIN');
  expect(code).toBe(1);
});
