import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { checkUserName, KeyDirectory, theBroker } from '../../../../src/tools/repro/agents/keys.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'pcsc-bridge-keys-test-'));
});
afterAll(() => rm(directory, { recursive: true }));

describe('a directory of keys', () => {
  it('has a distinct key of 32 bytes for each agent', async () => {
    const { keys } = await KeyDirectory.open(join(directory, 'new'), ['alice', 'bob']);
    expect([...keys.keys()]).toEqual(['broker', 'user:alice', 'user:bob']);
    const known = [...keys.values()].map((key) => Buffer.from(key).toString('hex'));
    expect(known.every((key) => key.length === 64)).toBe(true);
    expect(new Set(known).size).toBe(3);
  });

  it('keeps the existing keys and creates the missing ones', async () => {
    const path = join(directory, 'kept');
    const before = await KeyDirectory.open(path, ['alice']);
    const after = await KeyDirectory.open(path, ['alice', 'bob']);
    expect(after.keys.get('user:alice')).toEqual(before.keys.get('user:alice'));
    await after.remove();
    expect(await readFile(after.fileOf(theBroker), 'utf8')).toMatch(/^broker [0-9a-f]{64}\n$/);
  });

  it('rejects a link as a key file, because the permissions of its target are unknown', async () => {
    const path = join(directory, 'linked');
    await KeyDirectory.open(path, []);
    await writeFile(join(directory, 'elsewhere'), `user:alice ${'ab'.repeat(32)}`, { mode: 0o600 });
    await symlink(join(directory, 'elsewhere'), join(path, 'alice.key'));
    await expect(KeyDirectory.open(path, ['alice'])).rejects.toThrow('alice.key is no file');
  });
});

describe("a user's name", () => {
  it.each(['a', 'alice', 'Zoë', 'user-1', 'j.doe', 'Anna Müller', '山田', 'x'.repeat(64)])(
    'may be "%s"',
    (name) => {
      expect(checkUserName(name)).toBe(name);
    },
  );

  const others = [
    '',
    '.',
    '..',
    '.a',
    'a.',
    'a ',
    ' a',
    '-a',
    'a/b',
    'a\\b',
    'a:b',
    'a\nb',
    'a\0',
    'x'.repeat(65),
  ];
  it.each([...others, 'broker', 'BROKER'].map((name) => [JSON.stringify(name), name]))(
    'cannot be %s',
    (_what, name) => {
      expect(() => checkUserName(name)).toThrow();
    },
  );
});
