/** What the prebuilt binaries require of the system, and what they offer. Binaries for macOS and Windows are only read. */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { every, missingReader, objdump, readBinary, readelf } from '../../support/binaries.js';
import { root } from '../../support/documentation.js';
import { buildPlatforms, notBuilt, platforms } from '../../support/platforms.js';

const built = buildPlatforms(platforms.map(({ name }) => name));

const entryPoints = ['napi_register_module_v1', 'node_api_module_get_api_version_v1'];

/** The libraries of each system that a binary may require. */
const allowed: Record<string, RegExp> = {
  linux: /^(ld-linux-(aarch64|armhf)\.so\.\d|libc\.so\.6|libdl\.so\.2|libm\.so\.6|libpthread\.so\.0)$/,
  darwin: /^\/usr\/lib\/libSystem\.B\.dylib$/,
  win32: /^(kernel32|advapi32|shell32|ws2_32|msvcrt|ntdll|user32|api-ms-win-crt-.+)\.dll$/,
};

for (const { name, os, cpu, libc } of platforms) {
  const products = ['pcsc_bridge.node', ...['pcsc-holder', 'pcsc-bridge-agent'].map(withSuffix)];
  const reason = built.has(name) ? missingReader(os) : notBuilt(name);
  const file = (product: string) => join(root, 'prebuilds', name, product);

  function withSuffix(program: string) {
    return os === 'win32' ? `${program}.exe` : program;
  }

  if (reason !== undefined) {
    test.skip(`${name} (${reason})`, () => {});
    continue;
  }

  describe(name, () => {
    test.each(products)('%s requires only libraries that are part of the system', (product) => {
      const { libraries } = readBinary(os, file(product));
      if (libc === 'musl') expect(libraries).toEqual(['libc.so']);
      else for (const library of libraries) expect(library).toMatch(allowed[os] as RegExp);
      expect(libraries).not.toEqual([]);
    });

    if (os !== 'darwin')
      test('the addon exports only its entry points', () => {
        const { exports } = readBinary(os, file('pcsc_bridge.node'));
        // Zig marks its unwinder so for Windows. There, nobody is bound to a name of a library that he does not ask for.
        const ofUnwinder = (exported: string) => os === 'win32' && /^(_Unwind|unw|_GCC)_/.test(exported);
        expect(exports.filter((exported) => !ofUnwinder(exported))).toEqual(entryPoints);
      });

    test.each(products)('%s contains no path of the build machine', (product) => {
      const strings = execFileSync('strings', [file(product)], { encoding: 'utf8', maxBuffer: 1 << 26 });
      expect(strings).not.toContain(root);
    });

    // The linker lets an addon lack whatever its host may have. It is given a part of libc++ (scripts/libcxx.mk).
    if (os === 'linux')
      test('the addon requires nothing of a C++ library', () => {
        const required = every(/ UND ([^\s@]+)/g, readelf('--dyn-syms', file('pcsc_bridge.node')));
        expect(required).toContain('napi_create_object');
        const ofLibc = ['__cxa_atexit', '__cxa_finalize', '__cxa_thread_atexit_impl'];
        const others = required.filter((name) => /^(_Z|__cxa_|__gxx_|_Unwind)/.test(name));
        expect(others.filter((name) => !ofLibc.includes(name))).toEqual([]);
      });

    // docs/compatibility.md says so. Node.js 20 itself needs 2.28.
    if (libc === 'glibc')
      test.each(products)('%s requires glibc 2.17 or older', (product) => {
        const versions = every(/Name: ([A-Z]+_[0-9.]+) /g, readelf('-V', file(product)));
        const newest = versions
          .map((version) => Number(version.replace('GLIBC_2.', '')))
          .sort((a, b) => b - a)[0];
        expect(newest).toBeLessThanOrEqual(17);
      });

    if (libc === 'musl')
      test.each(products)('%s has no versions of glibc', (product) => {
        expect(every(/Name: ([A-Z]+_[0-9.]+) /g, readelf('-V', file(product)))).toEqual([]);
      });

    if (os === 'darwin')
      test.each(products)('%s is made for macOS 11', (product) => {
        const commands = objdump(file(product), '--macho', '--private-headers');
        expect(/cmd LC_BUILD_VERSION[\s\S]*?platform (\S+)\s+sdk \S+\s+minos (\S+)/.exec(commands)?.[2]).toBe(
          '11.0',
        );
      });

    // Zig's linker exports every name. The loader would share a weak one between libraries, and the flags would say so.
    if (os === 'darwin')
      test('the addon exports its entry points, and shares no other name', () => {
        expect(readBinary(os, file('pcsc_bridge.node')).exports).toEqual(expect.arrayContaining(entryPoints));
        const header = objdump(file('pcsc_bridge.node'), '--macho', '--private-header');
        expect(header).toContain('TWOLEVEL');
        expect(header).not.toMatch(/WEAK_DEFINES|BINDS_TO_WEAK/);
      });

    // A processor of Apple's runs nothing without a signature; this one names no signer.
    if (os === 'darwin' && cpu === 'arm64')
      test.each(products)('%s is signed', (product) => {
        expect(objdump(file(product), '--macho', '--private-headers')).toContain('cmd LC_CODE_SIGNATURE');
      });

    // For any program, whatever its name is: nothing is imported from node.exe before the host is known.
    if (os === 'win32')
      test('the addon does not require node.exe', () => {
        expect(readBinary(os, file('pcsc_bridge.node')).libraries).not.toContain('node.exe');
      });
  });
}
