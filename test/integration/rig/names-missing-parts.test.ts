import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { findParts, Rig } from '../../../src/testing/rig/index.js';

const root = mkdtempSync(join(tmpdir(), 'pcsc-bridge-parts-'));
afterAll(() => rmSync(root, { recursive: true }));

test('without any part, one error names all packages and the command that installs them', async () => {
  await expect(Rig.start({ slots: 1, parts: { roots: [root], path: '' } })).rejects.toMatchObject({
    name: 'RigError',
    code: 'RIG_PARTS_MISSING',
    message: expect.stringContaining('apt-get install pcscd libpcsclite1 vsmartcard-vpcd mount'),
  });
});

test('installed parts are not named, and unpacked packages are found with their libraries', () => {
  const libraries = join(root, 'usr/lib/x86_64-linux-gnu');
  mkdirSync(join(root, 'usr/sbin'), { recursive: true });
  mkdirSync(libraries, { recursive: true });
  writeFileSync(join(root, 'usr/sbin/pcscd'), '#!/bin/sh\n');
  chmodSync(join(root, 'usr/sbin/pcscd'), 0o755);
  writeFileSync(join(libraries, 'libpcsclite.so.1'), '');
  expect(() => findParts({ roots: [root] })).toThrow(/not installed: vsmartcard-vpcd\. /);

  mkdirSync(join(root, 'usr/lib/pcsc/drivers/serial'), { recursive: true });
  writeFileSync(join(root, 'usr/lib/pcsc/drivers/serial/libifdvpcd.so'), '');
  expect(findParts({ roots: [root] })).toMatchObject({
    pcscd: join(root, 'usr/sbin/pcscd'),
    driver: join(root, 'usr/lib/pcsc/drivers/serial/libifdvpcd.so'),
    library: join(libraries, 'libpcsclite.so.1'),
    libraryPath: expect.arrayContaining([libraries]),
  });
});
