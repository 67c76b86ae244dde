/**
 * Names of readers, cards' data and certificates come from outside. No command writes a control character from them to
 * the terminal, except line feeds.
 */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { printable } from '../../../src/printable.js';
import { AgentProcess, runAgent } from '../../support/agent.js';
import { FakePcsc } from '../../support/fake-pcsc.js';
import { insertPiv, startRig } from '../../support/rig.js';
import { runCli, startCli } from '../../support/run-cli.js';

/**
 * Title, colour, C1's clear screen and title, direction, zero width, line ends. The visible part begins with "Evil".
 */
const hostile =
  'Evil\u001b]0;owned\u0007\u001b[31m\u009b2J\u009dx\u009c\u202etxt\u2066\u200b\u2028\u0085\b\t\u007f 00';
const second = `Second${hostile}`;
const answers = [0, 1].map((i) => `answer "${i === 0 ? hostile : second}" - 6A82`);
const main = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));

const directory = mkdtempSync(join(tmpdir(), 'hostile-'));
afterAll(() => rmSync(directory, { recursive: true }));
const file = join(directory, 'file');
writeFileSync(file, 'to be signed');

const rig = await startRig({ slots: 1 });
await insertPiv(rig, 0, { subject: hostile });

interface Shown {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Every character of the output of a run is visible, line by line. */
function expectHarmless({ stdout, stderr }: Shown): void {
  const lines = (stdout + stderr).split('\n');
  expect(lines.map((line) => [line])).toEqual(lines.map((line) => [printable(line)]));
}

/** Readers with hostile names and cards in them. */
function readers(count: 1 | 2 = 1, ...more: string[]): NodeJS.ProcessEnv {
  const names = [hostile, second].slice(0, count);
  const cards = names.flatMap((name, i) => [
    `reader "${name}"`,
    `card "${name}" 3B841B5D324A9B`,
    answers[i] ?? '',
  ]);
  return new FakePcsc(...cards, ...more).env;
}

/** Dim and green, and their ends. */
const ourColours = ['\u001b[2m', '\u001b[22m', '\u001b[32m', '\u001b[39m'];

/** The commands that a test has run. */
const driven = new Set<string>();

async function run(args: string[], env: NodeJS.ProcessEnv): Promise<Shown> {
  driven.add(args[0] ?? '');
  const shown = await runCli(args, { PCSC_BRIDGE_PIN: '123456', ...env });
  expectHarmless(shown);
  return shown;
}

describe('readers with hostile names', () => {
  test('readers', async () => {
    const { stdout, code } = await run(['readers'], readers());
    expect(code).toBe(0);
    expect(stdout).toContain(printable(hostile));
  });

  test('readers --json keeps the names as data', async () => {
    const { stdout } = await run(['readers', '--json'], readers());
    expect(JSON.parse(stdout).readers[0].name).toBe(hostile);
  });

  test.each([[], ['--json']])('watch %s', async (...options) => {
    driven.add('watch');
    const watch = startCli(['watch', ...options], readers());
    let seen = '';
    watch.process.stdout?.on('data', (text) => {
      seen += text;
    });
    while (!seen.includes('card-inserted') && !seen.includes('card inserted')) await setTimeout(20);
    watch.process.kill('SIGINT');
    const shown = await watch.ended;
    expectHarmless(shown);
    expect(shown.stdout).toContain('Evil');
  });

  test('apdu', async () => {
    const { stdout, code } = await run(['apdu', '00A4040000', 'atr', 'reset', 'help'], readers());
    expect(code).toBe(0);
    expect(stdout).toContain('6A82');
  });

  test('apdu without a choice of reader', async () => {
    const { stderr } = await run(['apdu', 'atr'], readers(2));
    expect(stderr).toContain(`  1  ${printable(hostile)}\n  2  ${printable(second)}`);
  });

  test('apdu --reader with an unknown name', async () => {
    const { stderr } = await run(['apdu', '--reader', '\u001b[2J\u009b', 'atr'], readers());
    expect(stderr).toContain('?[2J?');
  });

  test('an error of the service', async () => {
    const { stderr } = await run(
      ['apdu', '--reader', '1', 'atr'],
      readers(1, 'on SCardConnect always fail 0x80100069'),
    );
    expect(stderr).toContain(`on "${printable(hostile)}"`);
  });

  test.each([[], ['--json']])('bench %s', async (...options) => {
    const { code, stdout } = await run(['bench', '--rounds', '10', ...options], readers());
    expect(code).toBe(0);
    expect(stdout).toContain('Evil');
  });

  test.each([[], ['--json']])('doctor %s', async (...options) => {
    const { stdout } = await run(['doctor', ...options], readers(2));
    expect(stdout).toContain('Evil');
  });

  test.each(['certificate', 'verify', 'logon'])('piv %s', async (part) => {
    const { stderr } = await run(['piv', part, '--reader', '1'], readers());
    expect(stderr).toContain('pcsc-bridge piv');
  });

  test('repro', async () => {
    const names = ['--reader', hostile, '--reader', second];
    const { stderr } = await run(
      ['repro', '--hold', '200', ...names],
      readers(2, 'on SCardConnect always fail 0x80100069'),
    );
    expect(stderr).toContain(`on "${printable(hostile)}"`);
  });
});

test.each([
  ['certificate'],
  ['certificate', '--json'],
  ['verify'],
  ['verify', '--json'],
  ['sign', file, '--out', join(directory, 'signature')],
  ['sign', file, '--out', join(directory, 'signature'), '--json'],
  ['logon'],
  ['logon', '--json'],
])('a certificate with a hostile subject: piv %s %s', async (...args) => {
  const { code } = await run(['piv', ...args], rig.env);
  expect(code).toBe(0);
});

test('card with a reader that does not exist', async () => {
  const { stderr } = await run(['card', '--host', '\u001b[2J', '--subject', hostile, '--port', '1'], {});
  expect(stderr).toContain('?[2J');
});

test('rig with a program that does not exist', async () => {
  const { stderr } = await run(['rig', '--readers', '1', '--', '\u001b[2J\u009b'], {});
  expect(stderr).toContain('there is no program "?[2J?"');
});

test('completion', async () => {
  expect((await run(['completion', 'bash'], {})).code).toBe(0);
});

test.each([
  [['\u001b[2J\u009b']],
  [['readers', '--\u001b[2J\u009b']],
  [['bench', '--rounds', '\u001b[2J\u009b']],
])('wrong usage: %j', async (args) => {
  const shown = await runCli(args, {});
  expectHarmless(shown);
  expect(shown.stderr).toContain('?[2J?');
});

describe('the agent', () => {
  test.each([['doctor'], ['doctor', '--json']])('%s %s', async (...args) => {
    const shown = await runAgent(args, readers(2));
    expectHarmless(shown);
    expect(shown.stdout).toContain('Evil');
  });

  test.each([['session'], ['session', '--json']])('%s %s', async (...args) => {
    const shown = await runAgent(args, readers());
    expectHarmless(shown);
    expect(shown.code).toBe(0);
  });

  test.each([['watch'], ['watch', '--json']])('%s %s', async (...args) => {
    await using agent = new AgentProcess(args, readers());
    let stdout = '';
    agent.child.stdout.on('data', (text) => {
      stdout += text;
    });
    while (!/card-inserted.*\n/.test(stdout)) await setTimeout(20);
    expectHarmless({ code: 0, stdout, stderr: '' });
    expect(stdout).toContain('Evil');
  });

  test('wrong usage', async () => {
    const shown = await runAgent(['\u001b[2J\u009b'], {});
    expectHarmless(shown);
    expect(shown.stderr).toContain('?[2J?');
  });
});

test('every command is covered', async () => {
  const { stdout } = await runCli(['completion', 'fish'], {});
  const commands = [...stdout.matchAll(/-n '__fish_use_subcommand' -a (\S+)/g)].map(([, name]) => name);
  expect(commands.length).toBeGreaterThan(8);
  expect(commands.filter((name) => !driven.has(name ?? ''))).toEqual([]);
});

test('on a terminal only our own colours appear', async ({ skip }) => {
  const command = `${process.execPath} ${main} watch`;
  const child = execFile('script', ['-qfec', command, '/dev/null'], {
    env: { ...process.env, ...readers() },
  });
  onTestFinished(() => void child.kill());
  let missing = false;
  child.once('error', () => {
    missing = true;
  });
  let screen = '';
  child.stdout?.on('data', (text) => {
    screen += text;
  });
  while (!screen.includes('card inserted') || !screen.endsWith('\n')) {
    if (missing) skip('"script" of util-linux is not there');
    await setTimeout(20);
  }
  const text = screen.replaceAll('\r\n', '\n');
  const uncoloured = ourColours.reduce((rest, colour) => rest.replaceAll(colour, ''), text);
  expect(uncoloured).not.toBe(text);
  expectHarmless({ code: 0, stdout: uncoloured, stderr: '' });
  expect(uncoloured).toContain(printable(hostile));
});
