import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../../src/tools/cli/confirm.js';

function terminal(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.end(typed);
  return { input, output: new PassThrough() };
}

describe('a confirmation before something is written', () => {
  it.each(['y\n', 'yes\n', ' Y \n', 'YES\n'])('is accepted by %j', async (typed) => {
    expect(await confirm('Write?', terminal(typed))).toBe(true);
  });

  it.each(['\n', 'n\n', 'no\n', 'yesterday\n', 'why\n', '', '\u0004'])(
    'is not accepted by %j',
    async (typed) => {
      expect(await confirm('Write?', terminal(typed))).toBe(false);
    },
  );

  it('shows its question', async () => {
    const { input, output } = terminal('n\n');
    await confirm('Write?', { input, output });
    output.end();
    expect(await text(output)).toContain('Write? [y/N]');
  });

  it('is rejected without a terminal', async () => {
    const pipe = { input: new PassThrough(), output: new PassThrough() };
    await expect(confirm('Write?', pipe)).rejects.toThrow(/--yes/);
  });
});
