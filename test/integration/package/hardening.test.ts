/** How the products for Linux are compiled and linked. scripts/build-windows checks those for Windows. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { root } from '../../support/documentation.js';
import { platforms } from '../../support/platforms.js';

const built = [
  'build/Release/pcsc_bridge.node',
  'build/Release/pcsc-holder',
  'build/agent/pcsc-bridge-agent',
];
const shipped = platforms
  .filter(({ os }) => os === 'linux')
  .flatMap(({ name }) =>
    ['pcsc_bridge.node', 'pcsc-holder', 'pcsc-bridge-agent'].map((file) => `prebuilds/${name}/${file}`),
  );
const products = [...built, ...shipped.filter((file) => existsSync(join(root, file)))];

const readelf = (option: string, file: string) =>
  execFileSync('readelf', ['--wide', option, join(root, file)], { encoding: 'utf8' });

describe.skipIf(process.platform !== 'linux')('is hardened', () => {
  test.each(products)('%s', (file) => {
    expect(readelf('--file-header', file)).toMatch(/Type: +DYN/);
    const segments = readelf('--program-headers', file);
    expect(segments).toContain('GNU_RELRO');
    expect(segments).toMatch(/GNU_STACK.* RW /);
    expect(readelf('--dynamic', file)).toMatch(/BIND_NOW|Flags:.*\bNOW\b/);
    expect(readelf('--dyn-syms', file)).toContain('__stack_chk_fail');
  });

  test.each(['build/Release/pcsc_bridge.node', 'build/agent/pcsc-bridge-agent'])(
    '%s, with the buffer checks of the C library',
    (file) => {
      expect(readelf('--dyn-syms', file)).toMatch(/__\w+_chk\b/);
    },
  );
});
