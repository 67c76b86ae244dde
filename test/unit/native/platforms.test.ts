/** scripts/platforms.json, from which the packages are made, and the names that the addon is loaded by. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { root } from '../../support/documentation.js';
import { platforms } from '../../support/platforms.js';

test('each platform has a package that is loaded by its literal name, and no other has', () => {
  const names = platforms.map(({ name }) => name);
  const loader = readFileSync(join(root, 'src/native/load.ts'), 'utf8');
  const loaded = [...loader.matchAll(/case '(.+)':\n\s+return { addon: require\('@pcsc-bridge\/(.+)'\)/g)];
  for (const [, asked, literal] of loaded) expect(literal).toBe(asked);
  expect(loaded.map(([, name]) => name).toSorted()).toEqual([...names, 'source'].toSorted());
});

test('the name of a platform is what Node.js calls its system and its architecture, and musl', () => {
  for (const { name, os, cpu, libc } of platforms) {
    expect(name).toBe(`${os}-${cpu}${libc === 'musl' ? '-musl' : ''}`);
  }
});
