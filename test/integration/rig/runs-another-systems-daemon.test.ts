import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test } from 'vitest';
import { Rig } from '../../../src/testing/rig/index.js';
import { findParts } from '../../../src/testing/rig/parts.js';

/** Set by scripts/test-pcscd. */
const root = process.env['PCSC_BRIDGE_PCSCD_ROOT'];

if (root) {
  test('the daemon of the other system runs here, also after a restart', async () => {
    const [, , version = ''] = readFileSync(`${root}/.made`, 'utf8').split(' ');
    await using rig = await Rig.start({ slots: 3 });
    expect(version.split('-')[0]).toBe(rig.version);
    expect(rig.readers).toHaveLength(3);
    await rig.restartDaemon();
  });
}

test('parts that the other system lacks are named', () => {
  const root = mkdtempSync(join(tmpdir(), 'empty-root-'));
  onTestFinished(() => rmSync(root, { recursive: true }));
  expect(() => findParts({ daemonRoot: root })).toThrow(/lacks .*: pcscd, vsmartcard-vpcd, libc6\.$/);
});

test('PCSC_BRIDGE_PCSCD_ROOT selects the other system, and is ignored if other paths are given', () => {
  const before = process.env['PCSC_BRIDGE_PCSCD_ROOT'];
  onTestFinished(() => {
    if (before === undefined) delete process.env['PCSC_BRIDGE_PCSCD_ROOT'];
    else process.env['PCSC_BRIDGE_PCSCD_ROOT'] = before;
  });
  process.env['PCSC_BRIDGE_PCSCD_ROOT'] = '/nowhere';
  expect(() => findParts()).toThrow(/^The system in \/nowhere lacks/);
  expect(
    findParts({ roots: ['/', fileURLToPath(new URL('../../../.cache/packages', import.meta.url))] }).loader,
  ).toEqual([]);
});
