import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newToken, readToken, sameToken } from '../../../../src/harness/agents/token.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-tokens-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function fileWith(text: string): Promise<string> {
  const file = join(directory, 'token');
  await writeFile(file, text);
  return file;
}

describe('a token', () => {
  it('is new each time, and one that a file can hold', async () => {
    const token = newToken();
    expect(newToken()).not.toBe(token);
    expect(await readToken(await fileWith(token))).toBe(token);
  });

  it('is read without the blanks around it', async () => {
    expect(await readToken(await fileWith('  0123456789abcdef\r\n'))).toBe('0123456789abcdef');
  });

  it.each([
    ['is too short', '0123456789abcde'],
    ['is too long', 'x'.repeat(257)],
    ['has a space in it', '01234567 9abcdef'],
    ['is not ASCII', '0123456789abcdéf'],
    ['is not there', ''],
  ])('that %s is refused without being told', async (_what, text) => {
    const file = await fileWith(text);
    const error = await readToken(file).catch((reason: Error) => reason.message);
    expect(error).toBe(`the token in ${file} must be 16 to 256 printable ASCII characters without spaces`);
  });

  it('equals itself alone, whatever the lengths', () => {
    expect(sameToken('0123456789abcdef', '0123456789abcdef')).toBe(true);
    for (const other of ['0123456789abcdeF', '0123456789abcde', '0123456789abcdef0', '']) {
      expect(sameToken('0123456789abcdef', other)).toBe(false);
    }
  });
});
