import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { confirm } from '../../../src/tools/cli/confirm.js';

function terminal(typed: string) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  input.end(typed);
  return { input, output: new PassThrough() };
}

describe('a question before something is written', () => {
  it.each(['y\n', 'yes\n', ' Y \n', 'YES\n'])('is answered yes by %j', async (typed) => {
    expect(await confirm('Write?', terminal(typed))).toBe(true);
  });

  it.each(['\n', 'n\n', 'no\n', 'yesterday\n', 'why\n', '', '\u0004'])('is not by %j', async (typed) => {
    expect(await confirm('Write?', terminal(typed))).toBe(false);
  });

  it('is shown', async () => {
    const { input, output } = terminal('n\n');
    await confirm('Write?', { input, output });
    output.end();
    expect(await text(output)).toContain('Write? [y/N]');
  });

  it('is refused where nobody can be asked', async () => {
    const pipe = { input: new PassThrough(), output: new PassThrough() };
    await expect(confirm('Write?', pipe)).rejects.toThrow(/--yes/);
  });
});
