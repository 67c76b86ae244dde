/** What the prebuilt binaries for Linux require of the system. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../..', import.meta.url));
const platforms = ['linux-x64', 'linux-arm64', 'linux-x64-musl'];
const products = ['pcsc_bridge.node', 'pcsc-holder', 'pcsc-bridge-agent'];
// Compiling them takes minutes if they do not exist yet.
execFileSync(join(root, 'scripts/prebuild'), platforms, { stdio: 'pipe' });

function readelf(option: string, platform: string, product: string): string {
  return execFileSync('readelf', [option, '-W', join(root, 'prebuilds', platform, product)], {
    encoding: 'utf8',
  });
}

/** The distinct matches of the first group of the pattern. */
function every(pattern: RegExp, text: string): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();
}

describe.each(platforms)('%s', (platform) => {
  const isMusl = platform.endsWith('musl');

  test.each(products)('%s requires only the C library', (product) => {
    const needed = every(/\(NEEDED\).*\[(.+)\]/g, readelf('-d', platform, product));
    const parts = ['ld-linux-aarch64.so.1', 'libc.so.6', 'libdl.so.2', 'libm.so.6', 'libpthread.so.0'];
    if (isMusl) expect(needed).toEqual(['libc.so']);
    else expect(parts).toEqual(expect.arrayContaining(needed));
  });

  // docs/compatibility.md says so. Node.js 20 itself needs 2.28.
  test.each(products)('%s requires glibc 2.17 or older', (product) => {
    const versions = every(/Name: ([A-Z]+_[0-9.]+) /g, readelf('-V', platform, product));
    const newest = versions.map((name) => Number(name.replace('GLIBC_2.', ''))).sort((a, b) => b - a)[0];
    if (isMusl) expect(versions).toEqual([]);
    else expect(newest).toBeLessThanOrEqual(17);
  });

  test('the addon exports only its entry points', () => {
    const symbols = readelf('--dyn-syms', platform, 'pcsc_bridge.node');
    expect(every(/(?:GLOBAL|WEAK)\s+DEFAULT\s+(?!UND)\S+ (\S+)/g, symbols)).toEqual([
      'napi_register_module_v1',
      'node_api_module_get_api_version_v1',
    ]);
  });

  test.each(products)('%s contains no path of the build machine', (product) => {
    const strings = execFileSync('strings', [join(root, 'prebuilds', platform, product)], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    expect(strings).not.toContain(root);
  });
});
