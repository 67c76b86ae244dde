/** What compiled files of any system contain, as readelf (ELF) and llvm-objdump (Mach-O, PE) print it. */
import { execFileSync, spawnSync } from 'node:child_process';

export interface Binary {
  /** The libraries that its loader has to find. */
  libraries: string[];
  /** The functions and data that it offers to others. */
  exports: string[];
}

/** Whether files for this system can be read here; else what is missing. */
export function missingReader(os: string): string | undefined {
  const program = os === 'linux' ? 'readelf' : 'llvm-objdump';
  return spawnSync(program, ['--version']).status === 0 ? undefined : `there is no ${program}`;
}

export function readelf(option: string, file: string): string {
  return execFileSync('readelf', [option, '-W', file], { encoding: 'utf8' });
}

export function objdump(file: string, ...options: string[]): string {
  return execFileSync('llvm-objdump', [...options, file], { encoding: 'utf8', maxBuffer: 1 << 26 });
}

/** The distinct matches of the first group of the pattern. */
export function every(pattern: RegExp, text: string): string[] {
  return [...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? ''))].sort();
}

const readers: Record<string, (file: string) => Binary> = {
  linux: (file) => ({
    libraries: every(/\(NEEDED\).*\[(.+)\]/g, readelf('-d', file)),
    exports: every(/(?:GLOBAL|WEAK)\s+DEFAULT\s+(?!UND)\S+ (\S+)/g, readelf('--dyn-syms', file)),
  }),
  darwin: (file) => ({
    // Not what it calls itself.
    libraries: every(/^\s+([^@\s]\S*) \(compatibility version/gm, objdump(file, '--macho', '--dylibs-used')),
    exports: every(/ _(\S+)$/gm, objdump(file, '--macho', '--exports-trie')),
  }),
  win32: (file) => {
    const headers = objdump(file, '--private-headers');
    const [, exported = ''] = headers.split('Export Table:');
    return {
      libraries: every(/^\s+DLL Name: (.+)$/gm, headers).map((name) => name.toLowerCase()),
      exports: every(/^\s+\d+\s+0x[0-9a-f]+\s+(\S+)$/gm, exported),
    };
  },
};

/** @param os - The system it is for, as `process.platform`. */
export function readBinary(os: string, file: string): Binary {
  const read = readers[os];
  if (!read) throw new Error(`no reader of files for ${os}`);
  return read(file);
}
