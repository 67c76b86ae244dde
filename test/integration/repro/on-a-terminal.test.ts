import { execFile, execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';

const main = fileURLToPath(new URL('../../../dist/tools/cli/main.js', import.meta.url));
const hasScript = (() => {
  try {
    execFileSync('script', ['--version']);
    return true;
  } catch {
    return false;
  }
})();

/** Runs the command on a terminal of its own (script, of util-linux); returns its output and its status. */
function onTerminal(setUp: string): Promise<{ screen: string; code: number }> {
  const command = `${setUp}; ${process.execPath} ${main} repro --hold 600 --sessions 2`;
  return new Promise((resolve) => {
    const child = execFile('script', ['-qec', command, '/dev/null'], { timeout: 15_000 }, (error, screen) => {
      resolve({ screen, code: error ? Number(error.code ?? -1) : 0 });
    });
    child.stdin?.end();
  });
}

describe.skipIf(!hasScript)('on a terminal (needs "script" of util-linux)', () => {
  it.each([
    ['that reports its width', 'stty cols 90'],
    ['that does not report it', 'stty cols 0'],
  ])('%s: it shows its progress, ends, and leaves the report in colour', async (_what, setUp) => {
    const { screen, code } = await onTerminal(setUp);
    expect(code).toBe(0);
    expect(screen).toContain('filter off: first logons of 2 sessions');
    const report = screen.slice(screen.lastIndexOf('\u001b[2K'));
    expect(report).toContain('\u001b[35m█');
    expect(stripVTControlCharacters(report).trimStart()).toMatch(/^Filter off: /);
  });
});
