import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { type NodeName, nodes, runNode, WineRun } from './wine.js';

interface Asked {
  verdict: string;
  rule: string;
  nextSteps: string[];
  values: Record<string, string | null>;
}

const share = mkdtempSync(join(tmpdir(), 'pcsc-bridge-doctor-'));
afterAll(() => rmSync(share, { recursive: true }));

/** A library that has this version and nothing else; Wine has neither of the two. */
function library(file: 'basecsp.dll' | 'scksp.dll', version: string): string {
  const directory = join(share, version);
  mkdirSync(directory, { recursive: true });
  const [source, object, made] = ['v.rc', 'v.o', file].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(source, `1 VERSIONINFO\nFILEVERSION ${version.replaceAll('.', ',')}\nBEGIN\nEND\n`);
  execFileSync('x86_64-w64-mingw32-windres', [source, object]);
  execFileSync('x86_64-w64-mingw32-gcc', ['-shared', '-nostdlib', '-Wl,--entry=0', '-o', made, object]);
  return `copy=${made}`;
}

const both = (version: string) => [library('basecsp.dll', version), library('scksp.dll', version)];
const gdr = both('6.0.6002.18005');
const hotfix = both('6.0.6002.22139');
const env = { NODE_SKIP_PLATFORM_CHECK: '1' };
const ask = (name: NodeName, windows: string, ...steps: string[]) =>
  runNode<Asked[]>(name, 'doctor.mjs', [...steps, 'ask'], { windows, share, env });

/** Rows of the decision table that Wine can emulate. */
const hosts: [string, string[], string][] = [
  ['no such files', [], 'files-unread'],
  ['GDR files', gdr, 'hotfix-missing'],
  ['GDR files and the value 1', [...gdr, 'REG_DWORD=1'], 'hotfix-missing'],
  ['one file of two', [...gdr, library('basecsp.dll', '6.0.6002.22139')], 'hotfix-missing'],
  ['GDR files, the hotfix on record', [...gdr, 'record'], 'hotfix-recorded-only'],
  ['GDR files of build 6003', both('6.0.6003.18555'), 'hotfix-unproven'],
  ['LDR files of build 6003', both('6.0.6003.20555'), 'filter-absent'],
  ['the hotfix', hotfix, 'filter-absent'],
  ['the hotfix and 0', [...hotfix, 'REG_DWORD=0'], 'filter-off'],
  ['the hotfix and 2', [...hotfix, 'REG_DWORD=2'], 'filter-other-number'],
  ['the hotfix and "1" as text', [...hotfix, 'REG_SZ=1'], 'filter-wrong-type'],
  ['the hotfix and 1 as REG_QWORD', [...hotfix, 'REG_QWORD=1'], 'filter-wrong-type'],
  ['the hotfix and 1 in the 32-bit view', [...hotfix, 'REG_DWORD=1@32'], 'filter-redirected'],
  ['the hotfix and 1, written since the start', [...hotfix, 'REG_DWORD=1'], 'restart-likely'],
  ['the hotfix and 1, set by the doctor', [...hotfix, 'set=1'], 'restart-pending'],
];

describe.each([20, 'ia32'] as const)('Node.js %s: the doctor on Server 2008', (name) => {
  test.each(hosts)('%s', async (_host, steps, rule) => {
    const answers = await ask(name, 'win2008', ...steps);
    const { values, ...verdict } = answers.at(-1) as Asked;
    expect(verdict.rule).toBe(rule);
    expect(values).toMatchObject({
      version: '6.0.6002',
      'service-pack': '2',
      'product-type': 'server',
      architecture: 'x64',
      wow64: name === 'ia32' ? 'yes' : 'no',
      wine: expect.stringMatching(/^\d+\./),
      'session-source': 'wts',
      'pcsc-library': 'winscard.dll',
    });
  });

  test('it writes the setting once, reports it, and reverts it', async () => {
    const steps = [...hotfix, 'set=1', 'set=1', 'ask', 'set=0'];
    const [first, second, on, off, after] = (await ask(name, 'win2008', ...steps)) as unknown[];
    expect([first, second, off]).toEqual([true, false, true]);
    expect((on as Asked).values).toMatchObject({ 'filter-value': 'REG_DWORD 1', 'filter-system': 'on' });
    expect((on as Asked).values['filter-set-by-doctor']).toMatch(/UTC$/);
    expect(after).toMatchObject({ rule: 'filter-off', values: { 'filter-value': 'REG_DWORD 0' } });
  });

  test('the two views of the registry are distinguished', async () => {
    const [asked] = await ask(name, 'win2008', ...hotfix, 'REG_DWORD=1', 'REG_DWORD=0@32');
    expect(asked?.values).toMatchObject({
      'filter-value': 'REG_DWORD 1',
      'filter-value-32-bit': 'REG_DWORD 0',
    });
    expect(asked?.nextSteps.join('\n')).toContain('filter-value-32-bit');
  });
});

test.each([
  ['win2008r2', 'filter-absent', 'hotfix-present-filter-off'],
  ['win7', 'later-windows', 'not-affected'],
  ['win10', 'later-windows', 'not-affected'],
  ['vista', 'vista', 'not-affected'],
  ['win2003', 'earlier-windows', 'not-affected'],
])('on %s the rule is %s', async (windows, rule, verdict) => {
  const [asked] = await ask(20, windows);
  expect(asked).toMatchObject({ rule, verdict });
});

test('without a terminal the command writes only with --yes', async () => {
  const { program, stage } = nodes[20];
  const set = (...words: string[]) =>
    WineRun.start([program, `${stage}/dist/tools/cli/main.js`, 'doctor', '--set-filter', '1', ...words])
      .ended;
  const refused = await set();
  expect(refused.stderr).toContain('--yes');
  expect(refused.code).toBe(2);
  const written = await set('--yes', '--json');
  expect(JSON.parse(written.stdout)).toMatchObject({ schema: 1, value: 1, changed: true });
  expect(written.code).toBe(0);
});
