/** Every example in docs/cli.md is run, in a directory of its own, and its output is compared. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';

const main = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));
const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

const bin = mkdtempSync(join(tmpdir(), 'cli-bin-'));
symlinkSync(main, join(bin, 'pcsc-bridge'));
chmodSync(main, 0o755);
afterAll(() => rmSync(bin, { recursive: true }));

/** What differs in each run: times, dates, keys, and the width of columns that contain times. */
function settled(text: string): string {
  return text
    .replace(/(?:[0-9A-F]{2}:){31}[0-9A-F]{2}/g, 'FINGERPRINT')
    .replace(/ *\d+\.\d+ ms/g, ' N ms')
    .replace(/^(step|operation) .*$/gm, '$1 ...')
    .replace(/\d\d:\d\d:\d\d/g, 'HH:MM:SS')
    .replace(/\w{3} [ \d]\d HH:MM:SS \d{4} GMT/g, 'DATE')
    .trimEnd();
}

async function runShell(script: string): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'cli-work-'));
  try {
    const child = spawn('bash', ['-c', `exec 2>&1\n${script}`], {
      cwd: directory,
      env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let output = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text;
    });
    await once(child, 'close');
    return output;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const transcripts = [...page.matchAll(/^```console\n(.*?)^```$/gms)].map(([, text = '']) => {
  const lines = text.split('\n');
  // A line that continues the one before begins with the shell's second prompt.
  const isTyped = (line: string) => /^[$>] /.test(line);
  const typed = lines.filter(isTyped).map((line) => line.slice(2));
  const shown = lines.filter((line) => !isTyped(line)).join('\n');
  return { script: typed.join('\n'), shown };
});

describe('docs/cli.md', () => {
  test('has an example of every command', () => {
    const help = execFileSync(process.execPath, [main, '--help'], { encoding: 'utf8' });
    const [, listed = ''] = help.split('Commands:');
    const commands = [...listed.matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    expect(commands).toContain('readers');
    // docs/harness.md has the reproduction, and test/integration/repro runs it.
    const elsewhere = ['repro', 'help'];
    const shown = transcripts.map(({ script }) => script).join('\n');
    const missing = commands.filter((name) => !new RegExp(`pcsc-bridge ${name}\\b`).test(shown));
    expect(missing.filter((name) => !elsewhere.includes(name ?? ''))).toEqual([]);
  });

  test.each(transcripts)(
    '$script',
    async ({ script, shown }) => {
      expect(settled(await runShell(script))).toBe(settled(shown));
    },
    30_000,
  );
});
