import { expect, it } from 'vitest';
import { runCli } from '../../support/run-cli.js';

const cases: [string, string[], RegExp, code?: number][] = [
  ['an unknown command', ['reproduce'], /unknown command 'reproduce'/],
  ['an unknown option', ['repro', '--wait'], /unknown option '--wait'/],
  ['one session', ['repro', '--sessions', '1'], /whole number from 2 to 16/],
  ['a hold that is not a number', ['repro', '--hold', 'long'], /whole number from 200 to 600000/],
  ['an unknown filter', ['repro', '--filter', 'maybe'], /Allowed choices are off, on, both/],
  ['an address without a port', ['repro', '--listen', '127.0.0.1'], /must be ADDRESS:PORT, such as/],
  ['an invalid port', ['repro', '--listen', '127.0.0.1:65536'], /must be ADDRESS:PORT, such as/],
  ['keys without --listen', ['repro', '--keys', 'd'], /--keys goes with --listen/],
  ['a user without --listen', ['repro', '--user', 'a'], /--user goes with --listen/],
  ['agents to wait for without --listen', ['repro', '--wait-for-agents', '9'], /--wait-for-agents goes with/],
  [
    'a reconnect without --listen',
    ['repro', '--agents', '--reconnect', 'wait'],
    /--reconnect goes with --listen/,
  ],
  ['made-up sessions without --listen', ['repro', '--made-up-sessions'], /--made-up-sessions goes with/],
  [
    'made-up sessions with a reconnect',
    ['repro', '--listen', '127.0.0.1:0', '--made-up-sessions', '--reconnect', 'wait'],
    /--reconnect wait needs the real sessions/,
  ],
  [
    'a reader without a user',
    ['repro', '--listen', '127.0.0.1:0', '--reader', 'A'],
    /--reader takes NAME=READER/,
  ],
  [
    'a directory for keys that cannot be created',
    ['repro', '--listen', '127.0.0.1:0', '--keys', '/dev/null/keys'],
    /keys cannot be kept in \/dev\/null\/keys: ENOTDIR/,
    1,
  ],
  [
    "a user's name that cannot be a file name",
    ['repro', '--listen', '127.0.0.1:0', '--user', '../alice'],
    /"\.\.\/alice" cannot be a user's name/,
  ],
  [
    "the broker's name",
    ['repro', '--listen', '127.0.0.1:0', '--reader', 'Broker=A'],
    /"Broker" is the broker's name/,
  ],
  [
    'users with the same file name on some file systems',
    ['repro', '--listen', '127.0.0.1:0', '--user', 'alice', '--user', 'Alice'],
    /must differ in more than their case/,
  ],
  [
    'more users than sessions',
    [
      'repro',
      '--listen',
      '127.0.0.1:0',
      '--sessions',
      '2',
      ...['a', 'b', 'c'].flatMap((name) => ['--user', name]),
    ],
    /3 users are named \(a, b, c\) for --sessions 2/,
  ],
  ['a single reader', ['repro', '--reader', 'A'], /use --reader at least twice/],
  ['the same reader twice', ['repro', '--reader', 'A', '--reader', 'A'], /use --reader at least twice/],
];

it.each(cases)('%s is rejected with a sentence', async (_what, args, message, status = 2) => {
  const { code, stdout, stderr } = await runCli(args);
  expect(stderr).toMatch(message);
  expect(stderr).not.toMatch(/\n {4}at /);
  expect(stdout).toBe('');
  expect(code).toBe(status);
});

it('without a PIN for real cards it says where to put it, and exits with the status of wrong usage', async () => {
  const { code, stderr } = await runCli(['repro', '--reader', 'A', '--reader', 'B'], { PCSC_BRIDGE_PIN: '' });
  expect(stderr).toContain('PCSC_BRIDGE_PIN');
  expect(code).toBe(2);
});
